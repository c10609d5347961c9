package emulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// AddPerson adds or replaces somebody who can sign in.
func (e *Emulator) AddPerson(p Person) {
	e.seed(func() {
		p.Email = strings.ToLower(p.Email)
		if old, ok := e.people.get(p.Email); ok && p.Owner == 0 {
			p.Owner = old.Owner
		}
		e.people.put(p.Email, p)
	})
}

// AddOrganization adds or replaces an organization.
func (e *Emulator) AddOrganization(o Organization) { e.seed(func() { e.putOrganization(o) }) }

func (e *Emulator) putOrganization(o Organization) {
	if o.Customer == "" {
		o.Customer = "C0" + derived(o.ID)[:7]
	}
	e.organizations.put(o.ID, o)
}

// AddProject adds or replaces a project, its enabled APIs and its IAM members; an organization that isn't known
// is added too.
func (e *Emulator) AddProject(p Project) {
	e.seed(func() {
		if p.Number == "" {
			p.Number = derived(p.ID)
		}
		if p.Name == "" {
			p.Name = p.ID
		}
		if p.State == "" {
			p.State = "ACTIVE"
		}
		if p.Created.IsZero() {
			p.Created = e.now()
		}
		if _, ok := e.organizations.get(p.Organization); !ok && p.Organization != "" {
			e.putOrganization(Organization{ID: p.Organization})
		}
		for _, a := range p.APIs {
			e.apis.put(p.ID+"/"+a, apiState{Enabled: e.now(), Listed: e.now()})
		}
		for _, m := range sortedKeys(p.IAM) {
			e.grant("projects/"+p.ID, m, p.IAM[m])
		}
		p.APIs, p.IAM = nil, nil
		e.projects.put(p.ID, p)
	})
}

// SetProjectIAM gives a role on the project to a member ("user:…"); role "" takes every role away from it.
func (e *Emulator) SetProjectIAM(project, member, role string) {
	e.SetIAM("projects/"+project, member, role)
}

// SetIAM is [Emulator.SetProjectIAM] for any resource: "buckets/b", "projects/p/serviceAccounts/e".
func (e *Emulator) SetIAM(resource, member, role string) {
	e.seed(func() {
		if role == "" {
			e.ungrant(resource, member)
			return
		}
		e.grant(resource, member, role)
	})
}

// SetAPI turns an API of a project on or off, at once.
func (e *Emulator) SetAPI(project, service string, on bool) {
	e.seed(func() {
		old, _ := e.apis.get(project + "/" + service)
		st := apiState{Fails: old.Fails}
		if on {
			st.Enabled, st.Listed = e.now(), e.now()
		}
		e.apis.put(project+"/"+service, st)
	})
}

// SetAPIFailure makes each operation that enables an API of a project end with an error; nil: they work (T23).
func (e *Emulator) SetAPIFailure(project, service string, failed *Status) {
	e.seed(func() {
		st, _ := e.apis.get(project + "/" + service)
		st.Fails = failed
		e.apis.put(project+"/"+service, st)
	})
}

// changeProject changes a project, by ID or number; one that isn't known stays unknown.
func (e *Emulator) changeProject(id string, change func(*Project)) {
	e.seed(func() {
		if p, ok := e.project(id); ok {
			change(&p)
			e.projects.put(p.ID, p)
		}
	})
}

// SetQuota limits a project: [QuotaServiceAccounts], [QuotaBigtableNodes]. Below 0: no limit.
func (e *Emulator) SetQuota(project, quota string, limit int) {
	e.changeProject(project, func(p *Project) {
		p.Quotas = maps.Clone(p.Quotas)
		if p.Quotas == nil {
			p.Quotas = map[string]int{}
		}
		p.Quotas[quota] = limit
		if limit < 0 {
			delete(p.Quotas, quota)
		}
	})
}

// SetProjectPropagation sets a project's own times in place of Config.Propagation, for what is made from now on.
func (e *Emulator) SetProjectPropagation(project string, t Propagation) {
	e.changeProject(project, func(p *Project) { p.Propagation = &t })
}

// SetTag gives a project a value for a tag ("1001/env"); "" takes the tag away.
func (e *Emulator) SetTag(project, key, value string) {
	e.changeProject(project, func(p *Project) {
		p.Tags = maps.Clone(p.Tags)
		if p.Tags == nil {
			p.Tags = map[string]string{}
		}
		p.Tags[key] = value
	})
}

// SetBilling links or unlinks the project's billing account.
func (e *Emulator) SetBilling(project string, on bool) {
	e.changeProject(project, func(p *Project) { p.Billing = on })
}

// SetSuspended suspends the project, as Google does for abuse, or ends that.
func (e *Emulator) SetSuspended(project string, on bool) {
	e.changeProject(project, func(p *Project) { p.Suspended = on })
}

// SetPolicy puts an organization policy on the organization ("organizations/N") or project ("projects/p").
func (e *Emulator) SetPolicy(parent string, o OrgPolicy) {
	e.seed(func() {
		o.Constraint = strings.TrimPrefix(o.Constraint, "constraints/")
		replace := func(list []OrgPolicy) []OrgPolicy {
			list = slices.DeleteFunc(slices.Clone(list), func(x OrgPolicy) bool { return x.Constraint == o.Constraint })
			return append(list, o)
		}
		kind, id, _ := strings.Cut(parent, "/")
		if kind == "organizations" {
			org, _ := e.organizations.get(id)
			org.ID, org.Policies = id, replace(org.Policies)
			e.putOrganization(org)
		} else if p, ok := e.project(id); ok {
			p.Policies = replace(p.Policies)
			e.projects.put(p.ID, p)
		}
	})
}

// AddServiceAccount adds a service account to a project, which is added when it isn't known: so the vendor's.
func (e *Emulator) AddServiceAccount(project, email string) {
	e.seed(func() {
		email = strings.ToLower(email)
		if _, ok := e.project(project); !ok {
			e.projects.put(project, Project{ID: project, Name: project, Number: derived(project), State: "ACTIVE", Billing: true, Created: e.now()})
		}
		e.accounts.put(email, serviceAccount{Project: project, Email: email, UniqueID: e.digits(21), Etag: e.etag()})
	})
}

// IAM is the policy of a resource: "projects/p", "buckets/b", "projects/p/serviceAccounts/e".
func (e *Emulator) IAM(resource string) Policy {
	e.mu.Lock()
	defer e.mu.Unlock()
	st, _ := e.policies.get(resource)
	return st.Policy
}

// Reset forgets all cloud state, rules and calls; sign-in keys stay.
func (e *Emulator) Reset() {
	e.seed(func() {
		for kind, l := range e.journal.loaders {
			if kind != "key" {
				l.clear()
			}
		}
		e.calls = nil
	})
}

// seed changes state from outside a request.
func (e *Emulator) seed(fn func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	fn()
	_ = e.commit(nil)
}

// grant adds a member to a resource's policy without any check.
func (e *Emulator) grant(resource, member, role string) {
	member = normaliseMember(member)
	st, _ := e.policies.get(resource)
	b := slices.Clone(st.Policy.Bindings)
	i := slices.IndexFunc(b, func(b Binding) bool { return b.Role == role && b.Condition == nil })
	if i < 0 {
		b = append(b, Binding{Role: role, Members: []string{member}})
	} else if !slices.Contains(b[i].Members, member) {
		b[i].Members = append(slices.Clone(b[i].Members), member)
		slices.Sort(b[i].Members)
	}
	st.Policy.Bindings, st.Policy.Etag = b, e.etag()
	e.policies.put(resource, st)
	if kind, email, _ := strings.Cut(member, ":"); kind == "user" {
		if _, ok := e.people.get(email); !ok {
			e.people.put(email, Person{Email: email, Name: email})
		}
	}
}

func (e *Emulator) ungrant(resource, member string) {
	member = normaliseMember(member)
	st, _ := e.policies.get(resource)
	var b []Binding
	for _, x := range st.Policy.Bindings {
		x.Members = slices.DeleteFunc(slices.Clone(x.Members), func(m string) bool { return m == member })
		if len(x.Members) > 0 {
			b = append(b, x)
		}
	}
	st.Policy.Bindings, st.Policy.Etag = b, e.etag()
	e.policies.put(resource, st)
}

// seeding adds POST /_emulator/NAME, whose body is a T or a list of T, unknown fields refused.
func seeding[T any](e *Emulator, name string, do func(T) any) {
	e.ops.HandleFunc("POST /_emulator/"+name, func(w http.ResponseWriter, r *http.Request) {
		var raw json.RawMessage
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&raw); err != nil {
			http.Error(w, fmt.Sprintf("%s: %v", name, err), http.StatusBadRequest)
			return
		}
		var list []T
		if len(raw) > 0 && raw[0] != '[' {
			raw = slices.Concat([]byte("["), raw, []byte("]"))
		}
		if err := decodeStrict(raw, &list); err != nil {
			http.Error(w, fmt.Sprintf("%s: %v", name, err), http.StatusBadRequest)
			return
		}
		out := []any{}
		for _, v := range list {
			if o := do(v); o != nil {
				out = append(out, o)
			}
		}
		jsonAnswer(http.StatusOK, out).write(w, r)
	})
}

// registerSeeding serves the methods above under /_emulator/, for scripts in any language.
func (e *Emulator) registerSeeding() {
	none := func(fn func()) any { fn(); return nil }
	seeding(e, "people", func(p Person) any { return none(func() { e.AddPerson(p) }) })
	seeding(e, "organizations", func(o Organization) any { return none(func() { e.AddOrganization(o) }) })
	seeding(e, "projects", func(p Project) any { return none(func() { e.AddProject(p) }) })
	seeding(e, "iam", func(v struct{ Resource, Member, Role string }) any {
		return none(func() { e.SetIAM(v.Resource, v.Member, v.Role) })
	})
	seeding(e, "apis", func(v struct {
		Project, Service string
		On               bool
	},
	) any {
		return none(func() { e.SetAPI(v.Project, v.Service, v.On) })
	})
	seeding(e, "api-failures", func(v struct {
		Project, Service string
		Fails            *Status
	},
	) any {
		return none(func() { e.SetAPIFailure(v.Project, v.Service, v.Fails) })
	})
	seeding(e, "quotas", func(v struct {
		Project, Quota string
		Limit          int
	},
	) any {
		return none(func() { e.SetQuota(v.Project, v.Quota, v.Limit) })
	})
	seeding(e, "propagation", func(v struct {
		Project     string
		Propagation Propagation
	},
	) any {
		return none(func() { e.SetProjectPropagation(v.Project, v.Propagation) })
	})
	seeding(e, "tags", func(v struct{ Project, Key, Value string }) any {
		return none(func() { e.SetTag(v.Project, v.Key, v.Value) })
	})
	seeding(e, "perimeters", func(v struct {
		Project   string
		Perimeter *Perimeter
	},
	) any {
		return none(func() { e.SetPerimeter(v.Project, v.Perimeter) })
	})
	seeding(e, "billing", func(v struct {
		Project string
		On      bool
	},
	) any {
		return none(func() { e.SetBilling(v.Project, v.On) })
	})
	seeding(e, "policies", func(v struct {
		Parent string
		Policy OrgPolicy
	},
	) any {
		return none(func() { e.SetPolicy(v.Parent, v.Policy) })
	})
	seeding(e, "accounts", func(v struct{ Project, Email string }) any {
		return none(func() { e.AddServiceAccount(v.Project, v.Email) })
	})
	seeding(e, "states", func(v struct{ Project, State string }) any {
		return none(func() { e.SetProjectState(v.Project, v.State) })
	})
	seeding(e, "roles", func(v struct {
		Project, ID string
		Permissions []string
		Deleted     bool
		Age         Duration
	},
	) any {
		return none(func() { e.AddRole(v.Project, v.ID, v.Permissions, v.Deleted, v.Age.d()) })
	})
	seeding(e, "revoke", func(v struct{ Email string }) any { return none(func() { e.RevokeTokens(v.Email) }) })
	seeding(e, "reassign", func(v struct{ Email, Name string }) any {
		return none(func() { e.ReassignAddress(v.Email, v.Name) })
	})
	seeding(e, "expire", func(v struct{ Email string }) any { return none(func() { e.ExpireTokens(v.Email) }) })
	seeding(e, "reauth", func(v struct{ Email string }) any { return none(func() { e.RequireReauth(v.Email) }) })
	seeding(e, "tokens", func(v struct{ Email string }) any { return e.Token(v.Email) })
	seeding(e, "rules", func(r Rule) any { return e.AddRule(r) })
	seeding(e, "remove-rules", func(v struct{ ID int64 }) any { return none(func() { e.RemoveRule(v.ID) }) })
	e.ops.HandleFunc("GET /_emulator/rules", func(w http.ResponseWriter, r *http.Request) {
		jsonAnswer(http.StatusOK, e.Rules()).write(w, r)
	})
	e.ops.HandleFunc("GET /_emulator/calls", func(w http.ResponseWriter, r *http.Request) {
		jsonAnswer(http.StatusOK, e.Calls()).write(w, r)
	})
	e.ops.HandleFunc("GET /_emulator/snapshot", func(w http.ResponseWriter, r *http.Request) {
		jsonAnswer(http.StatusOK, e.Snapshot()).write(w, r)
	})
	e.ops.HandleFunc("POST /_emulator/reset", func(w http.ResponseWriter, r *http.Request) {
		e.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	seeding(e, "settings", func(v struct{ Speed, Latency, Propagation *Duration }) any {
		return none(func() { e.set(v.Speed, v.Latency, v.Propagation) })
	})
}

func (e *Emulator) set(speed, latency, propagation *Duration) {
	if speed != nil {
		e.SetSpeed(speed.d())
	}
	if latency != nil {
		e.SetLatency(latency.d())
	}
	if propagation != nil {
		e.SetPropagation(propagation.d())
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
