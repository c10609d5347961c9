package app

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"groundwork/onboarding"
	"groundwork/wizard"
)

type manageStore interface {
	// CreateOnboarding makes an onboarding and the invite of its customer in one transaction, and returns the invite's
	// token: CodeInvalid for the company's name, CodeConflict for a proposed name that is taken. A form that made one before
	// gets that one, and another token; "" where its invite can't be used any more.
	CreateOnboarding(context.Context, onboarding.Actor, onboarding.NewOnboarding) (onboarding.Onboarding, string, error)
	// UpdateVendor replaces the vendor's values, and the API key unless it is nil, in one transaction: CodeInvalid or
	// CodeConflict for the proposed name.
	UpdateVendor(ctx context.Context, actor onboarding.Actor, id onboarding.ID, v onboarding.VendorValues, apiKeySealed []byte) error
	// Assign gives an onboarding to a specialist, "" to nobody.
	Assign(ctx context.Context, actor onboarding.Actor, id onboarding.ID, specialist string) error
	// AddNote adds a remark that customers never see.
	AddNote(ctx context.Context, actor onboarding.Actor, id onboarding.ID, text string) error
	// Archive closes an onboarding, its invites and its consent in one transaction; CodeConflict while a run is active.
	Archive(context.Context, onboarding.Actor, onboarding.ID) error
	// Restore puts an archived onboarding back into the lists; CodeConflict when it can't be.
	Restore(context.Context, onboarding.Actor, onboarding.ID) error
	// ReleaseName frees the name of an archived onboarding whose people were erased; CodeConflict for any other.
	ReleaseName(context.Context, onboarding.Actor, onboarding.ID) error
	// Forget archives an onboarding and erases its people in one transaction; CodeConflict while a run is active. Twice is
	// fine.
	Forget(context.Context, onboarding.Actor, onboarding.ID) error
}

// NewCustomer is what a specialist enters to start an onboarding.
type NewCustomer struct {
	wizard.Invitee
	Vendor    onboarding.VendorValues
	APIKey    onboarding.Secret // empty: none yet
	InviteTTL time.Duration     // 0: as long as any invite
	Mail      bool              // the invitation is mailed, and its link shown nowhere
	// Problems were found while the form was read. Then nothing is made, and what else is wrong is added to them.
	Problems wizard.Problems
}

// CreatedOnboarding is an onboarding that was just created, and its customer's link.
type CreatedOnboarding struct {
	Onboarding onboarding.Onboarding
	Link       Link
	Again      bool            // the same form created it before, and its link is another
	Problems   wizard.Problems // for CodeInvalid
}

// CreateOnboarding starts an onboarding and invites its customer. CodeInvalid: what to correct.
func (a *App) CreateOnboarding(ctx context.Context, actor onboarding.Actor, in NewCustomer) (CreatedOnboarding, error) {
	out := CreatedOnboarding{Problems: in.Problems}
	refuse := func(field, text string) {
		out.Problems = append(out.Problems, wizard.Problem{Field: field, Message: text})
	}
	if in.Specialist != "" {
		role, err := a.StaffRole(ctx, in.Specialist)
		if err != nil {
			return out, err
		}
		if !role.Staff() {
			refuse("specialist", "Choose one of the specialists")
		}
	}
	if problem, err := a.staffProblem(ctx, onboarding.Addressee(in.OwnerEmail)); err != nil {
		return out, err
	} else if problem != "" {
		refuse("owner_email", problem)
	}
	if in.Mail {
		problem, err := a.mailProblem(ctx, in.OwnerEmail)
		if err != nil {
			return out, err
		}
		if problem != "" {
			refuse("send_mail", problem)
		}
	}
	invalid := onboarding.Errorf(onboarding.CodeInvalid, "Nothing was created. Fix the problems below, then create it again.")
	if len(out.Problems) > 0 {
		return out, invalid
	}
	id, err := onboarding.NewID(a.cfg.Rand)
	if err != nil {
		return out, err
	}
	ttl := in.InviteTTL
	if ttl == 0 {
		ttl = a.cfg.InviteTTL
	}
	n := onboarding.NewOnboarding{ID: id, Customer: in.Customer, OwnerEmail: in.OwnerEmail, Specialist: in.Specialist, Vendor: in.Vendor, InviteTTL: ttl, MailInvite: in.Mail}
	if n.VendorAPIKey, err = a.sealKey(id, in.APIKey); err != nil {
		return out, err
	}
	var token string
	out.Onboarding, token, err = a.cfg.Store.CreateOnboarding(ctx, actor, n)
	switch onboarding.ErrorCode(err) {
	case onboarding.CodeInvalid:
		refuse("customer", message(err))
		return out, invalid
	case onboarding.CodeConflict:
		refuse(onboarding.VendorProposedName, message(err))
		return out, invalid
	}
	out.Again = err == nil && out.Onboarding.ID != id
	out.Link = Link{token, onboarding.Invite{
		Onboarding: out.Onboarding.ID, To: onboarding.Addressee(out.Onboarding.Owner), Role: onboarding.RoleCustomer, ExpiresAt: a.cfg.Now().Add(ttl),
	}}
	return out, err
}

// UpdateVendor saves the values that a specialist enters, and the API key if there is one. CodeInvalid and CodeConflict
// are about the proposed name.
func (a *App) UpdateVendor(ctx context.Context, actor onboarding.Actor, id onboarding.ID, v onboarding.VendorValues, key onboarding.Secret) error {
	sealed, err := a.sealKey(id, key)
	if err != nil {
		return err
	}
	return a.cfg.Store.UpdateVendor(ctx, actor, id, v, sealed)
}

func (a *App) sealKey(id onboarding.ID, key onboarding.Secret) ([]byte, error) {
	if key.Empty() {
		return nil, nil
	}
	sealed, err := a.cfg.Vault.Seal(onboarding.SealedTo{Onboarding: id, Purpose: onboarding.PurposeVendorAPIKey}, key)
	if err != nil {
		return nil, fmt.Errorf("seal the vendor's key: %w", err)
	}
	return sealed, nil
}

// Assign gives an onboarding to a specialist, as typed, and returns their address; "" leaves it unassigned. CodeInvalid
// for anyone who isn't on the staff.
func (a *App) Assign(ctx context.Context, actor onboarding.Actor, id onboarding.ID, typed string) (string, error) {
	to, err := a.assignee(ctx, typed)
	if err != nil {
		return to, err
	}
	return to, a.cfg.Store.Assign(ctx, actor, id, to)
}

// maxNote is how long a note may be, in characters.
const maxNote = 4000

// AddNote adds a remark that customers never see. CodeInvalid: what to correct.
func (a *App) AddNote(ctx context.Context, actor onboarding.Actor, id onboarding.ID, typed string) error {
	text := strings.TrimSpace(strings.ReplaceAll(typed, "\r\n", "\n"))
	switch n := utf8.RuneCountInString(text); {
	case text == "":
		return onboarding.Errorf(onboarding.CodeInvalid, "Write the note first")
	case n > maxNote:
		return onboarding.Errorf(onboarding.CodeInvalid, "Write at most %d characters; this is %d", maxNote, n)
	case strings.ContainsRune(text, 0):
		return onboarding.Errorf(onboarding.CodeInvalid, "Write the note without control characters")
	}
	return a.cfg.Store.AddNote(ctx, actor, id, text)
}

// Archive ends the access and closes an onboarding; CodeConflict while a run is active.
func (a *App) Archive(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	return a.endAccessThen(ctx, actor, id, a.unlessRunning(ctx, actor, id), func() error { return a.cfg.Store.Archive(ctx, actor, id) })
}

// Restore puts an archived onboarding back into the lists. CodeConflict when it isn't archived, its people were erased, or
// another deployment has its name.
func (a *App) Restore(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	return a.cfg.Store.Restore(ctx, actor, id)
}

// ReleaseName frees the name of an archived onboarding that nobody is left to tear down; CodeConflict for any other.
func (a *App) ReleaseName(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	return a.cfg.Store.ReleaseName(ctx, actor, id)
}

// Forget erases the people of an archived onboarding; CodeConflict before it is archived.
func (a *App) Forget(ctx context.Context, actor onboarding.Actor, id onboarding.ID) error {
	ob, err := a.cfg.Store.Onboarding(ctx, actor, id)
	if err != nil {
		return err
	}
	if !ob.Archived {
		return onboarding.Errorf(onboarding.CodeConflict, "Nothing was erased. Archive the onboarding first.")
	}
	return a.endAccessThen(ctx, actor, id, a.unlessRunning(ctx, actor, id), func() error { return a.cfg.Store.Forget(ctx, actor, id) })
}
