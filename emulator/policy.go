package emulator

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Policy is an IAM policy.
type Policy struct {
	Version  int       `json:"version,omitempty"`
	Etag     string    `json:"etag,omitempty"` // base64
	Bindings []Binding `json:"bindings,omitempty"`
	// AuditConfigs are kept as they were sent.
	AuditConfigs json.RawMessage `json:"auditConfigs,omitempty"`
}

// Binding gives a role to members.
type Binding struct {
	Role      string     `json:"role,omitempty"`
	Members   []string   `json:"members,omitempty"`
	Condition *Condition `json:"condition,omitempty"`
}

// Condition limits a binding. Understood is what package cel evaluates, with request.time; a binding under any other
// condition gives nothing.
type Condition struct {
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Expression  string `json:"expression,omitempty"`
	Location    string `json:"location,omitempty"`
}

// policyState is the policy of a resource. Parent is the resource whose policy also counts; "" for what the
// name itself says ("projects/p" of "projects/p/instances/i").
type policyState struct {
	Parent string `json:"parent,omitempty"`
	Policy Policy `json:"policy"`
	// Pending are members whose binding doesn't give its permissions yet, by [memberKey].
	Pending map[string]time.Time `json:"pending,omitempty"`
}

// memberKey names a member of a binding.
func memberKey(b Binding, member string) string {
	key := b.Role + " " + member
	if b.Condition != nil {
		key += " " + b.Condition.Expression
	}
	return key
}

// settle puts a new policy in force: members that it adds have their permissions from a time on (T13).
func (st *policyState) settle(next Policy, now, from time.Time) {
	had := map[string]bool{}
	for _, b := range st.Policy.Bindings {
		for _, m := range b.Members {
			had[memberKey(b, m)] = true
		}
	}
	pending := map[string]time.Time{}
	for _, b := range next.Bindings {
		for _, m := range b.Members {
			k := memberKey(b, m)
			if t := st.Pending[k]; had[k] && now.Before(t) {
				pending[k] = t
			} else if !had[k] && now.Before(from) {
				pending[k] = from
			}
		}
	}
	st.Policy, st.Pending = next, pending
}

// effective reports whether a member of a binding has its permissions already.
func (st policyState) effective(b Binding, member string, now time.Time) bool {
	return len(st.Pending) == 0 || !now.Before(st.Pending[memberKey(b, member)])
}

// setPolicy checks a policy as Google does and stores it on the resource with a new etag: concurrent changes
// (409 ABORTED), members that don't exist, unknown roles, domain restricted sharing. An empty etag overwrites.
func (c *call) setPolicy(resource string, in Policy) (Policy, error) {
	st, _ := c.e.policies.get(resource)
	out, err := c.checkPolicy(resource, st.Policy, in)
	if err != nil {
		return Policy{}, err
	}
	p, _ := c.e.projectOf(resource)
	st.settle(out, c.now, c.now.Add(c.e.propagation(p.ID).Bindings.d()))
	c.e.policies.put(resource, st)
	return out, nil
}

// policy is the resource's policy as it is answered for requestedPolicyVersion: below 3, conditions are hidden.
func (c *call) policy(resource string, requested int) Policy {
	st, ok := c.e.policies.get(resource)
	p := st.Policy
	if !ok || p.Etag == "" {
		p.Etag = "ACAB"
	}
	p.Version = 1
	p.Bindings = slices.Clone(p.Bindings)
	for i, b := range p.Bindings {
		if b.Condition == nil {
			continue
		}
		if requested >= 3 {
			p.Version = 3
			continue
		}
		p.Bindings[i].Role = fmt.Sprintf("%s_withcond_%x", b.Role, crc32.ChecksumIEEE([]byte(b.Condition.Expression)))
		p.Bindings[i].Condition = nil
	}
	return p
}

// etag is a new opaque etag; mu is held. gcloud decodes it and sends it back in base64's other alphabet, so it is
// well-formed and has none of the characters in which the two differ.
func (e *Emulator) etag() string {
	raw := binary.BigEndian.AppendUint64(nil, 0x07<<56|0x06<<48|e.random().Uint64()>>16)
	return strings.NewReplacer("+", "A", "/", "B").Replace(base64.StdEncoding.EncodeToString(raw))
}

var (
	memberKinds   = []string{"user", "serviceAccount", "group", "domain", "projectOwner", "projectEditor", "projectViewer", "deleted", "principal", "principalSet"}
	emailPattern  = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	agentsPattern = regexp.MustCompile(`^(\d+(-compute)?@(developer|cloudservices|cloudbuild)\.gserviceaccount\.com|service-\d+@[a-z0-9.-]+\.iam\.gserviceaccount\.com)$`)
)

// checkPolicy is what a stored policy becomes; old is the one in force.
func (c *call) checkPolicy(resource string, old, in Policy) (Policy, error) {
	if in.Etag != "" && old.Etag != in.Etag && !(old.Etag == "" && in.Etag == "ACAB") {
		return Policy{}, stale()
	}
	conditional := func(p Policy) bool {
		return slices.ContainsFunc(p.Bindings, func(b Binding) bool { return b.Condition != nil })
	}
	switch {
	case in.Version != 0 && in.Version != 1 && in.Version != 3:
		return Policy{}, fail("INVALID_ARGUMENT", "Invalid policy version %d. Valid versions are 0, 1 and 3.", in.Version)
	case conditional(in) && in.Version < 3:
		return Policy{}, fail("INVALID_ARGUMENT", "Policy with conditional role bindings must specify version 3.")
	case conditional(old) && in.Version < 3 && in.Etag != "":
		return Policy{}, fail("INVALID_ARGUMENT", "Specified policy version (%d) cannot be less than the existing policy version (3).", in.Version)
	}
	out := Policy{Version: 1, AuditConfigs: in.AuditConfigs}
	if conditional(in) {
		out.Version = 3
	}
	for _, b := range in.Bindings {
		if len(b.Members) == 0 {
			continue
		}
		if err := c.checkRole(resource, b.Role); err != nil {
			return Policy{}, err
		}
		i := slices.IndexFunc(out.Bindings, func(o Binding) bool { return o.Role == b.Role && sameCondition(o.Condition, b.Condition) })
		if i < 0 {
			i = len(out.Bindings)
			out.Bindings = append(out.Bindings, Binding{Role: b.Role, Condition: b.Condition})
		}
		for _, m := range b.Members {
			m = normaliseMember(m)
			known := slices.ContainsFunc(old.Bindings, func(o Binding) bool { return slices.Contains(o.Members, m) })
			if err := c.checkMember(resource, m, known); err != nil {
				return Policy{}, err
			}
			if !slices.Contains(out.Bindings[i].Members, m) {
				out.Bindings[i].Members = append(out.Bindings[i].Members, m)
			}
		}
	}
	for i := range out.Bindings {
		slices.Sort(out.Bindings[i].Members)
	}
	slices.SortStableFunc(out.Bindings, func(a, b Binding) int { return strings.Compare(a.Role, b.Role) })
	out.Etag = c.e.etag()
	return out, nil
}

func sameCondition(a, b *Condition) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func normaliseMember(m string) string {
	kind, name, ok := strings.Cut(m, ":")
	if !ok || strings.HasPrefix(kind, "principal") {
		return m
	}
	return kind + ":" + strings.ToLower(name)
}

// checkMember refuses members that Google refuses. A member that the policy already had passes, as at Google.
func (c *call) checkMember(resource, m string, known bool) error {
	kind, name, ok := strings.Cut(m, ":")
	if m == "allUsers" || m == "allAuthenticatedUsers" {
		if known {
			return nil
		}
		return c.checkSharing(resource, m)
	}
	if !ok || !slices.Contains(memberKinds, kind) {
		if emailPattern.MatchString(m) {
			return fail("INVALID_ARGUMENT", "The member %s is of an unknown type. Please set a valid type prefix for the member.", m).because("invalid")
		}
		return fail("INVALID_ARGUMENT", "Invalid member %q. The member must have a type prefix, such as user:.", m).because("invalid")
	}
	if known {
		return nil
	}
	switch kind {
	case "user", "serviceAccount", "group":
		if !emailPattern.MatchString(name) {
			return fail("INVALID_ARGUMENT", "Invalid member %s: not an email address.", m).because("invalid")
		}
	}
	switch kind {
	case "serviceAccount":
		if !c.e.accountVisible(name, c.now) {
			return fail("INVALID_ARGUMENT", "Service account %s does not exist.", name)
		}
	case "user":
		if isAccount(name) {
			return fail("INVALID_ARGUMENT", "The member %s is of type \"serviceAccount\". Please set the member to \"serviceAccount:%s\".", m, name).because("invalid")
		}
		if _, ok := c.e.people.get(name); !ok {
			return fail("INVALID_ARGUMENT", "User %s does not exist.", name)
		}
	}
	return c.checkSharing(resource, m)
}

// accountVisible reports whether a service account may be granted to already.
func (e *Emulator) accountVisible(email string, now time.Time) bool {
	if agentsPattern.MatchString(email) {
		return true
	}
	a, ok := e.accounts.get(email)
	return ok && !now.Before(a.Visible)
}

// checkRole refuses a role that doesn't exist or that the resource doesn't take.
func (c *call) checkRole(resource, name string) error {
	parts := strings.Split(resource, "/")
	if r, ok := predefined[name]; ok {
		if !r.fits(name, parts) {
			return fail("INVALID_ARGUMENT", "Role %s is not supported for this resource.", name)
		}
		return nil
	}
	if strings.HasPrefix(name, "projects/") || strings.HasPrefix(name, "organizations/") {
		r, ok := c.e.roles.get(name)
		p, _ := c.e.projectOf(resource)
		if !ok || r.Deleted || c.now.Before(r.Visible) || !strings.HasPrefix(name, "projects/"+p.ID+"/") {
			return fail("INVALID_ARGUMENT", "Role (%s) does not exist in the resource's hierarchy.", name)
		}
		return nil
	}
	return fail("INVALID_ARGUMENT", "Role %s is not supported for this resource.", name)
}

func (r role) fits(name string, resource []string) bool {
	some := func(prefix string) bool {
		return slices.ContainsFunc(r.permissions, func(p string) bool { return strings.HasPrefix(p, prefix) })
	}
	basic := name == "roles/owner" || name == "roles/editor" || name == "roles/viewer"
	switch {
	case resource[0] == "buckets":
		return strings.HasPrefix(name, "roles/storage.")
	case len(resource) == 2 && resource[0] == "projects":
		return !strings.HasPrefix(name, "roles/storage.legacy")
	case len(resource) >= 4 && resource[2] == "serviceAccounts":
		return basic || some("iam.serviceAccounts.")
	case len(resource) >= 4 && resource[2] == "instances":
		return basic || some("bigtable.")
	case len(resource) >= 4 && resource[2] == "datasets":
		return basic || some("bigquery.")
	}
	return true
}
