package emulator

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Person is somebody who signs in with Google.
type Person struct {
	Email  string   `json:"email"`
	Name   string   `json:"name,omitempty"`
	Domain string   `json:"domain,omitempty"` // of a Workspace account, the claim hd; "" for a consumer account
	Groups []string `json:"groups,omitempty"` // e-mail addresses
	// Refused scopes come unticked and stay so, as when the person always unticks them.
	Refused []string `json:"refused,omitempty"`
	// RAPT makes each refresh fail with invalid_rapt until the person signs in again.
	RAPT bool `json:"rapt,omitempty"`
}

// Organization owns projects and holds policies for them.
type Organization struct {
	ID       string      `json:"id"` // digits
	Domain   string      `json:"domain,omitempty"`
	Customer string      `json:"customer,omitempty"` // Workspace customer id "C0…"; made when empty
	Policies []OrgPolicy `json:"policies,omitempty"`
}

// OrgPolicy is an organization policy on an organization or a project.
type OrgPolicy struct {
	Constraint string   `json:"constraint"` // without "constraints/": "iam.allowedPolicyMemberDomains"
	Enforce    bool     `json:"enforce,omitempty"`
	Allowed    []string `json:"allowed,omitempty"`
	Denied     []string `json:"denied,omitempty"`
	DenyAll    bool     `json:"deny_all,omitempty"`
	AllowAll   bool     `json:"allow_all,omitempty"`
	// Subjects of the managed constraint iam.managed.allowedPolicyMembers: members and principal sets.
	Subjects []string `json:"subjects,omitempty"`
}

// Project is a Google Cloud project.
type Project struct {
	ID           string            `json:"id"`
	Name         string            `json:"name,omitempty"`
	Number       string            `json:"number,omitempty"` // digits; made when empty
	Billing      bool              `json:"billing,omitempty"`
	Organization string            `json:"organisation,omitempty"` // its ID; "" for none. The key is stored //nolint:misspell // spelled as earlier journals have it
	APIs         []string          `json:"apis,omitempty"`         // enabled from the start: "iam.googleapis.com"
	Policies     []OrgPolicy       `json:"policies,omitempty"`
	IAM          map[string]string `json:"iam,omitempty"`   // member to role, set with the project
	State        string            `json:"state,omitempty"` // "ACTIVE" when empty, or "DELETE_REQUESTED"
	Labels       map[string]string `json:"labels,omitempty"`
	Created      time.Time         `json:"created,omitzero"`
}

// accessToken is a bearer token, by its value.
type accessToken struct {
	Email   string    `json:"email"`
	Scopes  []string  `json:"scopes"`
	Client  string    `json:"client,omitempty"`
	Expires time.Time `json:"expires"`
	Refresh string    `json:"refresh,omitempty"` // the refresh token that it came with
}

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

// Condition limits a binding. Understood is `request.time < timestamp("…")`; a binding under any other grants nothing.
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
}

func (e *Emulator) registerAccess() {
	e.people = newTable[Person](e, "person")
	e.tokens = newTable[accessToken](e, "token")
	e.rules = newTable[Rule](e, "rule")
	e.operations = newTable[operation](e, "operation")
	e.policies = newTable[policyState](e, "policy")
	e.projects = newTable[Project](e, "project")
	e.organizations = newTable[Organization](e, "organisation") //nolint:misspell // the name is stored in journals
	e.apis = newTable[apiState](e, "api")
	e.accounts = newTable[serviceAccount](e, "account")
	e.roles = newTable[customRole](e, "role")
}

// CloudPlatform is the scope that reaches every service.
const CloudPlatform = "https://www.googleapis.com/auth/cloud-platform"

// Token gives an access token for scripts: cloud-platform, a year. The e-mail address is a person's or a service
// account's; a person who isn't known is added.
func (e *Emulator) Token(email string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	email = strings.ToLower(email)
	if _, ok := e.people.get(email); !ok && !isAccount(email) {
		e.people.put(email, Person{Email: email, Name: email})
	}
	t := "ya29." + e.id(40)
	e.tokens.put(t, accessToken{
		Email: email, Expires: e.now().AddDate(1, 0, 0),
		Scopes: []string{"openid", "email", "profile", CloudPlatform},
	})
	_ = e.commit(nil)
	return t
}

func isAccount(email string) bool { return strings.HasSuffix(email, ".gserviceaccount.com") }

// authenticate finds who calls; mu is held.
func (c *call) authenticate() {
	scheme, value, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		value = c.query.Get("access_token")
	}
	t, ok := c.e.tokens.get(strings.TrimSpace(value))
	if ok && c.now.Before(t.Expires) {
		c.token, c.person = t, t.Email
	}
}

// authorized refuses calls without a valid token, as every Google API does.
func (c *call) authorized() error {
	g := &gerr{HTTP: http.StatusUnauthorized, Status: "UNAUTHENTICATED", Reason: "authError"}
	switch {
	case c.person == "" && c.Header.Get("Authorization") == "":
		g.Reason = "required"
		g.Message = "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
		g.Details = []any{errorInfo("CREDENTIALS_MISSING", "googleapis.com", map[string]string{"service": c.host})}
	case c.person == "":
		g.Message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
		g.Details = []any{errorInfo("ACCESS_TOKEN_INVALID", "googleapis.com", map[string]string{"service": c.host})}
		g.Header = http.Header{"Www-Authenticate": {`Bearer realm="https://accounts.google.com/", error="invalid_token"`}}
	case !slices.Contains(c.token.Scopes, CloudPlatform) && !slices.ContainsFunc(c.token.Scopes, c.scopeReaches):
		return fail("PERMISSION_DENIED", "Request had insufficient authentication scopes.").because("insufficientPermissions").with(
			errorInfo("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com", map[string]string{"service": c.host}))
	default:
		return nil
	}
	return g
}

// scopeReaches: a narrower scope than cloud-platform, for one service.
func (c *call) scopeReaches(scope string) bool {
	name, _ := strings.CutPrefix(scope, "https://www.googleapis.com/auth/")
	service, _, _ := strings.Cut(c.host, ".")
	switch name {
	case "cloud-platform.read-only":
		return c.Method == http.MethodGet || strings.HasSuffix(c.URL.Path, "IamPolicy") && strings.Contains(c.URL.Path, ":get")
	case "devstorage.full_control", "devstorage.read_write", "devstorage.read_only":
		return service == "storage" || service == "www"
	default:
		return name == service
	}
}

// require checks that the caller has the permissions on the resource ("projects/p", "buckets/b",
// "projects/p/instances/i"), by its own policy and those above it. The error is the service's own 403.
func (c *call) require(resource string, permissions ...string) error {
	for _, p := range permissions {
		if c.allowed(resource, p) {
			c.checked = append(c.checked, p+" on "+resource)
			continue
		}
		c.checked = append(c.checked, p+" on "+resource+": denied")
		return c.denied(resource, p)
	}
	return nil
}

// allowed tells whether the caller has the permission.
func (c *call) allowed(resource, permission string) bool {
	return c.e.allowed(c.person, resource, permission, c.now)
}

// permitted is those of the asked permissions that the caller has: testIamPermissions.
func (c *call) permitted(resource string, asked []string) []string {
	var out []string
	for _, p := range asked {
		if c.allowed(resource, p) {
			out = append(out, p)
		}
	}
	return out
}

func (e *Emulator) allowed(email, resource, permission string, now time.Time) bool {
	if p, ok := strings.CutPrefix(resource, "projects/"); ok {
		id, rest, _ := strings.Cut(p, "/")
		pr, ok := e.project(id)
		if !ok || pr.State == "DELETE_REQUESTED" && !strings.HasPrefix(permission, "resourcemanager.") {
			return false
		}
		if resource = "projects/" + pr.ID; rest != "" {
			resource += "/" + rest
		}
	}
	for r := resource; r != ""; {
		st, _ := e.policies.get(r)
		for _, b := range st.Policy.Bindings {
			if b.holds(now) && e.roleHas(b.Role, permission) && slices.ContainsFunc(b.Members, func(m string) bool { return e.isMember(email, m, now) }) {
				return true
			}
		}
		r = e.parent(r, st)
	}
	return false
}

// parent is the resource above, "" at the top.
func (e *Emulator) parent(resource string, st policyState) string {
	if st.Parent != "" {
		return st.Parent
	}
	parts := strings.Split(resource, "/")
	switch {
	case len(parts) >= 4:
		return strings.Join(parts[:len(parts)-2], "/")
	case parts[0] == "projects" && len(parts) == 2:
		if p, ok := e.projects.get(parts[1]); ok && p.Organization != "" {
			return "organizations/" + p.Organization
		}
	}
	return ""
}

// isMember tells whether the policy's member stands for the caller.
func (e *Emulator) isMember(email, member string, now time.Time) bool {
	kind, name, _ := strings.Cut(member, ":")
	switch kind {
	case "allUsers":
		return true
	case "allAuthenticatedUsers":
		return email != ""
	case "user", "serviceAccount":
		return email != "" && strings.EqualFold(name, email)
	case "domain":
		p, ok := e.people.get(email)
		return ok && p.Domain != "" && p.Domain == name
	case "group":
		p, ok := e.people.get(email)
		return ok && slices.Contains(p.Groups, name)
	case "projectOwner", "projectEditor", "projectViewer":
		role := "roles/" + strings.ToLower(strings.TrimPrefix(kind, "project"))
		st, _ := e.policies.get("projects/" + name)
		for _, b := range st.Policy.Bindings {
			if b.Role == role && b.holds(now) && slices.ContainsFunc(b.Members, func(m string) bool {
				return !strings.HasPrefix(m, "project") && e.isMember(email, m, now)
			}) {
				return true
			}
		}
	}
	return false
}

// holds tells whether the binding's condition is met.
func (b Binding) holds(now time.Time) bool {
	if b.Condition == nil {
		return true
	}
	rest, ok := strings.CutPrefix(strings.ReplaceAll(b.Condition.Expression, " ", ""), `request.time<timestamp("`)
	if !ok {
		return false
	}
	t, err := time.Parse(time.RFC3339, strings.TrimSuffix(rest, `")`))
	return err == nil && now.Before(t)
}

func (e *Emulator) roleHas(name, permission string) bool {
	if r, ok := predefined[name]; ok {
		return r.has(permission)
	}
	r, ok := e.roles.get(name)
	return ok && !r.Deleted && r.Stage != "DISABLED" && slices.Contains(r.Permissions, permission)
}

// denied is the 403 of the service that is called.
func (c *call) denied(resource, permission string) error {
	info := errorInfo("IAM_PERMISSION_DENIED", "iam.googleapis.com", map[string]string{"permission": permission, "resource": resource})
	g := &gerr{HTTP: http.StatusForbidden, Status: "PERMISSION_DENIED", Reason: "forbidden"}
	parts := strings.Split(resource, "/")
	switch service, _, _ := strings.Cut(c.host, "."); service {
	case "storage", "www":
		what := "Google Cloud Storage bucket"
		switch {
		case strings.HasPrefix(permission, "storage.objects."):
			what = "Google Cloud Storage object"
		case parts[0] == "projects":
			what = "Google Cloud project"
		}
		who := c.person
		if who == "" {
			who = "Anonymous caller"
		}
		g.Message = fmt.Sprintf("%s does not have %s access to the %s. Permission '%s' denied on resource (or it may not exist).", who, permission, what, permission)
	case "bigquery":
		g.Reason = "accessDenied"
		if len(parts) >= 4 && parts[2] == "datasets" {
			d := parts[1] + ":" + parts[3]
			g.Message = fmt.Sprintf("Access Denied: Dataset %s: Permission %s denied on dataset %s (or it may not exist).", d, permission, d)
		} else {
			g.Message = fmt.Sprintf("Access Denied: Project %s: User does not have %s permission in project %s.", last(parts), permission, last(parts))
		}
	case "bigtableadmin":
		g.Message = fmt.Sprintf("Access denied. Missing IAM permission: %s.", permission)
		g.Details = []any{info}
	case "serviceusage":
		p, _ := c.e.project(last(parts))
		g.Message = fmt.Sprintf("Permission denied to access services for consumer container [projects/%s]. Missing permission: %s", orElse(p.Number, last(parts)), permission)
		switch permission {
		case "serviceusage.services.enable":
			g.Message = "Permission denied to enable service [" + strings.Join(c.serviceIDs(), ", ") + "]"
		case "serviceusage.services.disable":
			g.Message = "Permission denied to disable service [" + strings.Join(c.serviceIDs(), ", ") + "]"
		case "serviceusage.services.list":
			g.Message = fmt.Sprintf("Permission denied to list services for consumer container [projects/%s]", orElse(p.Number, last(parts)))
		case "serviceusage.services.get":
			g.Message = "Permission denied to get service [" + strings.Join(c.serviceIDs(), ", ") + "]"
		}
		g.Details = []any{
			errorInfo("AUTH_PERMISSION_DENIED", "serviceusage.googleapis.com", map[string]string{"permission": permission, "resource": resource}),
		}
	case "iam":
		g.Message = fmt.Sprintf("Permission '%s' denied on resource (or it may not exist).", permission)
		g.Details = []any{errorInfo("IAM_PERMISSION_DENIED", "iam.googleapis.com", map[string]string{"permission": permission})}
	case "orgpolicy":
		g.Message = fmt.Sprintf("Permission '%s' denied on resource '//cloudresourcemanager.googleapis.com/%s' (or it may not exist).", permission, resource)
		g.Details = []any{info}
	case "cloudresourcemanager":
		g.Message = "The caller does not have permission"
		if permission != "resourcemanager.projects.get" {
			g.Message = fmt.Sprintf("Permission '%s' denied on resource '//cloudresourcemanager.googleapis.com/%s' (or it may not exist).", permission, resource)
		}
		g.Details = []any{info}
	default:
		g.Message = "The caller does not have permission"
		g.Details = []any{info}
	}
	return g
}

func last(s []string) string { return s[len(s)-1] }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// project finds a project by id or number; mu is held.
func (e *Emulator) project(idOrNumber string) (Project, bool) {
	if p, ok := e.projects.get(idOrNumber); ok {
		return p, true
	}
	if idOrNumber == "" || idOrNumber[0] < '0' || idOrNumber[0] > '9' {
		return Project{}, false
	}
	for _, p := range e.projects.m {
		if p.Number == idOrNumber {
			return p, true
		}
	}
	return Project{}, false
}

// apiState is an API of a project. Enabled is when it works; zero when it is off.
type apiState struct {
	Enabled time.Time `json:"enabled,omitzero"`
	Listed  time.Time `json:"listed,omitzero"` // when Service Usage says ENABLED, Config.Propagation before Enabled
}

// api refuses the call when the API is off in the project, or was enabled less than Config.Propagation ago.
// A project that doesn't exist passes: the permission check answers for it.
func (c *call) api(service, project string) error {
	p, ok := c.e.project(project)
	if !ok {
		return nil
	}
	st, _ := c.e.apis.get(p.ID + "/" + service)
	if !st.Enabled.IsZero() && !c.now.Before(st.Enabled) {
		return nil
	}
	title := apiTitle(service)
	url := fmt.Sprintf("https://console.developers.google.com/apis/api/%s/overview?project=%s", service, p.Number)
	return fail("PERMISSION_DENIED",
		"%s has not been used in project %s before or it is disabled. Enable it by visiting %s then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
		title, p.Number, url).because("accessNotConfigured").with(
		errorInfo("SERVICE_DISABLED", "googleapis.com", map[string]string{
			"service": service, "consumer": "projects/" + p.Number, "serviceTitle": title, "activationUrl": url, "containerInfo": p.Number,
		}),
		map[string]any{"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": title + " is disabled."},
		help("Google developers console API activation", url))
}

// billing refuses what costs money in a project without a billing account.
func (c *call) billing(project string) error {
	p, ok := c.e.project(project)
	if !ok || p.Billing {
		return nil
	}
	switch {
	case strings.HasPrefix(c.host, "storage.") || strings.HasPrefix(c.host, "www."):
		return &gerr{HTTP: http.StatusForbidden, Reason: "accountDisabled", Message: "The billing account for the owning project is disabled in state absent"}
	case strings.HasPrefix(c.host, "bigquery."):
		return &gerr{HTTP: http.StatusForbidden, Reason: "billingNotEnabled", Message: fmt.Sprintf("Billing has not been enabled for this project. Enable billing at https://console.cloud.google.com/billing. Project %s.", p.ID)}
	}
	return fail("FAILED_PRECONDITION", "Billing is not enabled for project %s.", p.Number)
}

// etag is a new opaque etag; mu is held. gcloud decodes it and sends it back in base64's other alphabet, so it is
// well-formed and has none of the characters in which the two differ.
func (e *Emulator) etag() string {
	raw := binary.BigEndian.AppendUint64(nil, 0x07<<56|0x06<<48|e.random().Uint64()>>16)
	return strings.NewReplacer("+", "A", "/", "B").Replace(base64.StdEncoding.EncodeToString(raw))
}

// setPolicy checks a policy as Google does and stores it on the resource with a new etag: concurrent changes
// (409 ABORTED), members that don't exist, unknown roles, domain restricted sharing. An empty etag overwrites.
func (c *call) setPolicy(resource string, in Policy) (Policy, error) {
	st, _ := c.e.policies.get(resource)
	out, err := c.checkPolicy(resource, st.Policy, in)
	if err != nil {
		return Policy{}, err
	}
	st.Policy = out
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
