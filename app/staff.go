package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/wizard"
)

type staffStore interface {
	// StaffRole returns the role that an administrator gave; CodeNotFound for none.
	StaffRole(ctx context.Context, email string) (onboarding.Role, error)
	// ChangeStaff gives a staff role, or takes it with "", and records that in one transaction. CodeConflict when no
	// administrator would be left, unless others says that there are some elsewhere.
	ChangeStaff(ctx context.Context, actor onboarding.Actor, email string, role onboarding.Role, others bool) error
	// Staff returns the staff that administrators added, by address.
	Staff(context.Context, onboarding.Actor) ([]onboarding.StaffMember, error)
	// NameStaff keeps the actor's name for the lists.
	NameStaff(context.Context, onboarding.Actor) error
	// StaffNames returns the names of everyone who was ever named, by address.
	StaffNames(context.Context, onboarding.Actor) (map[string]string, error)
	// BindStaff binds the actor's address to their account at its first use with a staff role: CodeForbidden where it is
	// bound to another.
	BindStaff(context.Context, onboarding.Actor) error
	// FreeStaff lets the next account that signs in with an address have its role, and records that.
	FreeStaff(ctx context.Context, actor onboarding.Actor, email string, role onboarding.Role) error
	// StaffChanges returns the record of who assigned or removed which role, newest first.
	StaffChanges(context.Context, onboarding.Actor) ([]onboarding.StaffChange, error)
}

// Staff is the vendor's staff by configuration. Administrators may add more.
type Staff struct {
	Domains        []string // SPECIALIST_DOMAINS: every verified address of these domains is a specialist
	Specialists    []string // SPECIALISTS: addresses
	Administrators []string // ADMINISTRATORS: addresses
	Personal       []string // PERSONAL_STAFF: addresses that may have a role though no organization manages their account
}

// normal is the configuration in lower case, without empty lines.
func (st Staff) normal() Staff {
	lower := func(in []string) []string {
		var out []string
		for _, x := range in {
			if x = strings.ToLower(strings.TrimSpace(x)); x != "" {
				out = append(out, x)
			}
		}
		return out
	}
	return Staff{lower(st.Domains), lower(st.Specialists), lower(st.Administrators), lower(st.Personal)}
}

// gives is the role that the configuration gives, and the setting that gives it; "" for none.
func (st Staff) gives(email string) (role onboarding.Role, setting string) {
	_, domain, _ := strings.Cut(email, "@")
	switch {
	case slices.Contains(st.Administrators, email):
		return onboarding.RoleAdministrator, "ADMINISTRATORS"
	case slices.Contains(st.Specialists, email):
		return onboarding.RoleSpecialist, "SPECIALISTS"
	case domain != "" && slices.Contains(st.Domains, domain):
		return onboarding.RoleSpecialist, "SPECIALIST_DOMAINS"
	default:
		return "", ""
	}
}

// StaffRole is a person's staff role, "" for none. Configuration and store both give roles, and the higher one counts.
// Ask at each request, so that a lost role ends at once.
func (a *App) StaffRole(ctx context.Context, email string) (onboarding.Role, error) {
	role, _ := a.cfg.Staff.gives(email)
	if role == onboarding.RoleAdministrator {
		return role, nil
	}
	stored, err := a.cfg.Store.StaffRole(ctx, email)
	switch {
	case onboarding.ErrorCode(err) == onboarding.CodeNotFound:
	case err != nil:
		return "", fmt.Errorf("staff role: %w", err)
	case role.LessThan(stored):
		role = stored
	}
	return role, nil
}

// AdmitStaff lets the actor, who signed in, have the staff role of their address. The first use binds the address to the
// account. CodeForbidden for any other account, and for one that the address's organization doesn't manage.
func (a *App) AdmitStaff(ctx context.Context, actor onboarding.Actor) error {
	if actor.Unmanaged && !slices.Contains(a.cfg.Staff.Personal, actor.Email) {
		_, domain, _ := strings.Cut(actor.Email, "@")
		return onboarding.Errorf(onboarding.CodeForbidden, "%s is not an account that %s manages. Sign in with your work account, or have the address added to PERSONAL_STAFF in the configuration.", actor.Email, domain)
	}
	return a.cfg.Store.BindStaff(ctx, actor)
}

// StaffDomains are the domains whose people are all specialists by configuration.
func (a *App) StaffDomains() []string { return a.cfg.Staff.Domains }

// Staff lists the staff known by address: those in the configuration, and those whom administrators added.
func (a *App) Staff(ctx context.Context, actor onboarding.Actor) ([]onboarding.StaffPerson, error) {
	added, err := a.cfg.Store.Staff(ctx, actor)
	if err != nil {
		return nil, err
	}
	people := map[string]onboarding.StaffPerson{}
	for _, m := range added {
		people[m.Email] = onboarding.StaffPerson{Email: m.Email, Added: m}
	}
	for _, email := range slices.Concat(a.cfg.Staff.Administrators, a.cfg.Staff.Specialists) {
		people[email] = onboarding.StaffPerson{Email: email, Added: people[email].Added}
	}
	all := slices.SortedFunc(maps.Values(people), func(a, b onboarding.StaffPerson) int { return strings.Compare(a.Email, b.Email) })
	for i, p := range all {
		all[i].Configured, all[i].Setting = a.cfg.Staff.gives(p.Email)
	}
	return all, nil
}

// Assignees lists whom an onboarding may be assigned to, with their names: the [App.Staff], and everyone of a whole
// domain who has signed in.
func (a *App) Assignees(ctx context.Context, actor onboarding.Actor) ([]onboarding.Actor, error) {
	all, err := a.Staff(ctx, actor)
	if err != nil {
		return nil, err
	}
	names, err := a.cfg.Store.StaffNames(ctx, actor)
	if err != nil {
		return nil, err
	}
	var out []onboarding.Actor
	for _, p := range all {
		out = append(out, onboarding.Actor{Email: p.Email, Name: names[p.Email], Role: p.Role()})
		delete(names, p.Email)
	}
	for email, name := range names {
		if role, _ := a.cfg.Staff.gives(email); role != "" {
			out = append(out, onboarding.Actor{Email: email, Name: name, Role: role})
		}
	}
	slices.SortFunc(out, func(a, b onboarding.Actor) int { return strings.Compare(a.Email, b.Email) })
	return out, nil
}

// assignee is whom an onboarding is assigned to, "" nobody; CodeInvalid for anyone who isn't on the staff.
func (a *App) assignee(ctx context.Context, typed string) (string, error) {
	to := strings.ToLower(strings.TrimSpace(typed))
	if to == "" {
		return "", nil
	}
	email, problem := wizard.Email(to)
	if problem != "" {
		return "", onboarding.Errorf(onboarding.CodeInvalid, "%s", problem)
	}
	switch role, err := a.StaffRole(ctx, email); {
	case err != nil:
		return "", err
	case !role.Staff():
		return "", onboarding.Errorf(onboarding.CodeInvalid, "Choose one of the specialists")
	}
	return email, nil
}

// NameStaff keeps the name of a member of the staff, as the identity provider gave it.
func (a *App) NameStaff(ctx context.Context, actor onboarding.Actor) error {
	return a.cfg.Store.NameStaff(ctx, actor)
}

// StaffChanges returns the record of who assigned or removed which role, newest first. For administrators.
func (a *App) StaffChanges(ctx context.Context, actor onboarding.Actor) ([]onboarding.StaffChange, error) {
	return a.cfg.Store.StaffChanges(ctx, actor)
}

// StaffRoleChange gives someone a staff role.
type StaffRoleChange struct {
	Email string          // as typed
	Role  onboarding.Role // "" takes the role that an administrator gave
	Free  bool            // changes no role: the next account that signs in with the address has it
}

// ChangedStaff is the outcome of a [StaffRoleChange].
type ChangedStaff struct {
	Email    string
	Was, Now onboarding.Role
	Setting  string // of the configuration that keeps the role higher than was chosen; "" none does
	// RoleProblem: a CodeInvalid is about the role, and not about the address.
	RoleProblem bool
}

// ChangeStaff assigns someone a staff role or removes it. CodeInvalid and CodeConflict: what to change. Whoever has less
// than before is to be signed out by the caller.
func (a *App) ChangeStaff(ctx context.Context, actor onboarding.Actor, in StaffRoleChange) (ChangedStaff, error) {
	email, problem := wizard.Email(in.Email)
	out := ChangedStaff{Email: email}
	configured, setting := a.cfg.Staff.gives(email)
	invalid := func(format string, args ...any) (ChangedStaff, error) {
		return out, onboarding.Errorf(onboarding.CodeInvalid, format, args...)
	}
	switch {
	case problem != "":
		return invalid("%s", problem)
	case !in.Free && in.Role != "" && in.Role != onboarding.RoleSpecialist && in.Role != onboarding.RoleAdministrator:
		out.RoleProblem = true
		return invalid("Choose specialist or administrator")
	case email == actor.Email:
		return invalid("You can't change your own role. Ask another administrator")
	}
	people, err := a.Staff(ctx, actor)
	if err != nil {
		return out, err
	}
	if in.Free {
		return a.freeStaff(ctx, actor, email)
	}
	person := onboarding.StaffPerson{Email: email, Configured: configured}
	if i := slices.IndexFunc(people, func(p onboarding.StaffPerson) bool { return p.Email == email }); i >= 0 {
		person = people[i]
	}
	if configured != "" && person.Added.Email == "" && !configured.LessThan(in.Role) {
		return invalid("%s in the configuration gives %s the role of %s. To change it, change the configuration and restart", setting, email, configured)
	}
	out.Was = person.Role()
	person.Added.Role = in.Role
	out.Now = person.Role()
	if in.Role.LessThan(configured) {
		out.Setting = setting
	}
	return out, a.cfg.Store.ChangeStaff(ctx, actor, email, in.Role, len(a.cfg.Staff.Administrators) > 0)
}

// freeStaff lets another account have the role of an address. Whoever is signed in with it is to be signed out.
func (a *App) freeStaff(ctx context.Context, actor onboarding.Actor, email string) (ChangedStaff, error) {
	role, err := a.StaffRole(ctx, email)
	if err == nil && role == "" {
		err = onboarding.Errorf(onboarding.CodeInvalid, "%s has no role", email)
	}
	if err != nil {
		return ChangedStaff{Email: email}, err
	}
	return ChangedStaff{Email: email, Was: role, Now: role}, a.cfg.Store.FreeStaff(ctx, actor, email, role)
}
