package emulator

import (
	"slices"
	"strings"
)

// Snapshot lists what exists in all projects and workspaces, a sorted line each: resources by their names, APIs that are
// on, and each member of each binding and dataset entry as "role member on resource". Two snapshots tell what was made and
// removed in between. What people are and may sign in with is not in it, and neither are objects.
func (e *Emulator) Snapshot() []string {
	var out []string
	e.lock(func() {
		for _, name := range e.storage.buckets.keys("") {
			out = append(out, "bucket "+name)
		}
		for key, a := range e.accounts.m {
			out = append(out, "account "+orElse(a.Email, key))
		}
		for name, r := range e.roles.m {
			if !r.Deleted {
				out = append(out, "role "+name)
			}
		}
		for _, name := range e.instances.keys("") {
			if st, _ := e.instances.get(name); !st.Failed || e.now().Before(st.Ready) { // else its creation was rolled back
				out = append(out, "instance "+name)
			}
		}
		for resource, p := range e.policies.m {
			for _, b := range p.Policy.Bindings {
				for _, m := range b.Members {
					out = append(out, memberKey(Binding{Role: b.Role, Condition: b.Condition}, m)+" on "+resource)
				}
			}
		}
		for name, d := range e.datasets.m {
			for _, a := range d.Meta.Access {
				if a.UserByEmail != "" {
					out = append(out, a.Role+" "+a.UserByEmail+" on dataset "+name)
				}
			}
		}
		for key, st := range e.apis.m {
			if project, api, _ := strings.Cut(key, "/"); !st.Listed.IsZero() && !e.now().Before(st.Listed) {
				out = append(out, "api "+api+" on "+project)
			}
		}
		for host, w := range e.workspaces.m {
			for _, scope := range sortedKeys(w.Scopes) {
				out = append(out, "scope "+scope+" on "+host)
				acls := w.Scopes[scope].ACLs
				for _, who := range sortedKeys(acls) {
					out = append(out, acls[who]+" "+who+" on scope "+scope+" on "+host)
				}
			}
		}
	})
	slices.SortFunc(out, strings.Compare)
	return out
}
