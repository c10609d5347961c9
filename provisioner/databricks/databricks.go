// Package databricks speaks the few REST calls of a Databricks workspace that an onboarding needs: who am I,
// may I create clusters, which runtimes are offered, and secret scopes.
//
// It knows no spec and no plan. It dials with the http.Client it is given, so that the caller's guard decides
// which addresses may be reached.
package databricks

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"groundwork/onboarding"
)

// maxAnswer bounds an answer's body; the longest real one, the list of runtimes, is below 100 kB.
const maxAnswer = 2 << 20

// Client calls one workspace with one token.
type Client struct {
	HTTP  *http.Client      // the guard's; there is no usual one, since the address is a customer's
	URL   string            // "https://1234567890123456.7.gcp.databricks.com", without a path
	Token onboarding.Secret // sent as a bearer token, never printed
}

// Error is an answer of the workspace that is not a success.
type Error struct {
	Status  int    // of HTTP
	Code    string // Databricks' own: "RESOURCE_ALREADY_EXISTS"; "" if none
	Message string // Databricks' own, at most 300 characters
	Path    string
}

func (e *Error) Error() string {
	return fmt.Sprintf("databricks %s: %d %s: %s", e.Path, e.Status, e.Code, e.Message)
}

// IsStatus reports whether err is an answer of the workspace with that HTTP status.
func IsStatus(err error, status int) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == status
}

// IsCode reports whether err is an answer of the workspace with that error code.
func IsCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// Principal is whose token it is: the identity that jobs run as.
type Principal struct {
	Name             string // display name, may be empty
	User             string // an email address, or the application ID of a service principal
	ServicePrincipal bool   // false: a person
	Admin            bool   // in the workspace's group "admins"
	entitled         bool
	groups           []scimValue
}

// String gives the principal in words: `service principal "tecton" (0a1b…)`.
func (p Principal) String() string {
	kind := "person"
	if p.ServicePrincipal {
		kind = "service principal"
	}
	if p.Name == "" || p.Name == p.User {
		return kind + " " + p.User
	}
	return fmt.Sprintf("%s %q (%s)", kind, p.Name, p.User)
}

// clusterCreate is the entitlement that the workspace's pages call "Unrestricted cluster creation".
const clusterCreate = "allow-cluster-create"

type scimValue struct {
	Value   string `json:"value"`
	Display string `json:"display"`
}

func entitled(values []scimValue) bool {
	return slices.ContainsFunc(values, func(v scimValue) bool { return v.Value == clusterCreate })
}

// Me asks whose token it is. A service principal is told by its schema, its application ID, or a user name that
// is a UUID (the way Databricks' own command line tells it).
func (c Client) Me(ctx context.Context) (Principal, error) {
	var me struct {
		Schemas       []string    `json:"schemas"`
		UserName      string      `json:"userName"`
		DisplayName   string      `json:"displayName"`
		ApplicationID string      `json:"applicationId"`
		Entitlements  []scimValue `json:"entitlements"`
		Groups        []scimValue `json:"groups"`
	}
	if err := c.call(ctx, http.MethodGet, "/api/2.0/preview/scim/v2/Me", nil, &me); err != nil {
		return Principal{}, err
	}
	p := Principal{Name: me.DisplayName, User: me.UserName, entitled: entitled(me.Entitlements)}
	if me.ApplicationID != "" {
		p.User, p.ServicePrincipal = me.ApplicationID, true
	}
	if isUUID(me.UserName) || slices.Contains(me.Schemas, "urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal") {
		p.ServicePrincipal = true
	}
	if p.User == "" {
		return Principal{}, &Error{Status: http.StatusOK, Path: "/api/2.0/preview/scim/v2/Me", Message: "the answer names no user"}
	}
	for _, g := range me.Groups {
		if g.Display == "admins" {
			p.Admin = true
		}
		p.groups = append(p.groups, g)
	}
	return p, nil
}

// CanCreateClusters reports whether p holds the entitlement itself, as an administrator, or by one of its groups.
// Where none of what it can read holds it, unread names the groups that the token may not read, of which one may.
func (c Client) CanCreateClusters(ctx context.Context, p Principal) (may bool, unread []string, err error) {
	if p.entitled || p.Admin {
		return true, nil, nil
	}
	for _, g := range p.groups {
		var group struct {
			Entitlements []scimValue `json:"entitlements"`
		}
		err := c.call(ctx, http.MethodGet, "/api/2.0/preview/scim/v2/Groups/"+url.PathEscape(g.Value), nil, &group)
		switch {
		case IsStatus(err, http.StatusForbidden), IsStatus(err, http.StatusNotFound):
			unread = append(unread, cmp.Or(g.Display, g.Value))
		case err != nil:
			return false, nil, err
		case entitled(group.Entitlements):
			return true, nil, nil
		}
	}
	return false, unread, nil
}

// Runtime is one offered Databricks Runtime.
type Runtime struct {
	Key  string `json:"key"`  // "15.4.x-scala2.12"
	Name string `json:"name"` // "15.4 LTS (includes Apache Spark 3.5.0, Scala 2.12)"
}

// SparkVersions lists the offered runtimes.
func (c Client) SparkVersions(ctx context.Context) ([]Runtime, error) {
	var out struct {
		Versions []Runtime `json:"versions"`
	}
	err := c.call(ctx, http.MethodGet, "/api/2.1/clusters/spark-versions", nil, &out)
	return out.Versions, err
}

// personalCompute is the family of the policy "Personal Compute", which each workspace gives to all its users. It makes
// single machines for one person each, so no jobs of the vendor's run under it.
// Source: https://docs.databricks.com/gcp/en/admin/clusters/personal-compute
const personalCompute = "personal-vm"

// ClusterPolicies lists the names of the cluster policies by which the token's owner may make clusters for jobs, also
// without [Client.CanCreateClusters].
func (c Client) ClusterPolicies(ctx context.Context) ([]string, error) {
	var out struct {
		Policies []struct {
			Name   string `json:"name"`
			Family string `json:"policy_family_id"`
		} `json:"policies"`
	}
	err := c.call(ctx, http.MethodGet, "/api/2.0/policies/clusters/list", nil, &out)
	var names []string
	for _, p := range out.Policies {
		if p.Family != personalCompute {
			names = append(names, p.Name)
		}
	}
	return names, err
}

// CreateScope makes a secret scope, and reports whether everybody in the workspace manages it: without the Premium tier
// there is no other way. One that exists is success, so that a lost answer may be followed by a second try.
func (c Client) CreateScope(ctx context.Context, scope string) (everybody bool, err error) {
	const path = "/api/2.0/secrets/scopes/create"
	err = c.call(ctx, http.MethodPost, path, map[string]string{"scope": scope}, nil)
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest && strings.Contains(refused.Message, "initial_manage_principal") {
		everybody = true
		err = c.call(ctx, http.MethodPost, path, map[string]string{"scope": scope, "initial_manage_principal": Everybody}, nil)
	}
	if IsCode(err, "RESOURCE_ALREADY_EXISTS") {
		return everybody, nil
	}
	return everybody, err
}

// ListSecrets lists the keys in a scope, never their values.
func (c Client) ListSecrets(ctx context.Context, scope string) ([]string, error) {
	var out struct {
		Secrets []struct {
			Key string `json:"key"`
		} `json:"secrets"`
	}
	err := c.call(ctx, http.MethodGet, "/api/2.0/secrets/list?scope="+url.QueryEscape(scope), nil, &out)
	var keys []string
	for _, s := range out.Secrets {
		keys = append(keys, s.Key)
	}
	return keys, err
}

// Everybody is the group that each principal of a workspace belongs to.
const Everybody = "users"

// Access lists who has which permission on a scope: READ, WRITE, or MANAGE by principal. For a workspace without access
// lists, where everybody manages each scope, listed is false.
func (c Client) Access(ctx context.Context, scope string) (by map[string]string, listed bool, err error) {
	var out struct {
		Items []struct {
			Principal  string `json:"principal"`
			Permission string `json:"permission"`
		} `json:"items"`
	}
	err = c.call(ctx, http.MethodGet, "/api/2.0/secrets/acls/list?scope="+url.QueryEscape(scope), nil, &out)
	var refused *Error
	if errors.As(err, &refused) && strings.Contains(refused.Message, "ACL is not supported") {
		return nil, false, nil
	}
	by = map[string]string{}
	for _, i := range out.Items {
		by[i.Principal] = i.Permission
	}
	return by, true, err
}

// Allow gives a principal a permission on a scope, in place of the one that it had.
func (c Client) Allow(ctx context.Context, scope, principal, permission string) error {
	body := map[string]string{"scope": scope, "principal": principal, "permission": permission}
	return c.call(ctx, http.MethodPost, "/api/2.0/secrets/acls/put", body, nil)
}

// PutSecret writes one secret of a scope; an older value is replaced.
func (c Client) PutSecret(ctx context.Context, scope, key string, value onboarding.Secret) error {
	body := map[string]string{"scope": scope, "key": key, "string_value": value.Reveal()}
	return c.call(ctx, http.MethodPost, "/api/2.0/secrets/put", body, nil)
}

func (c Client) call(ctx context.Context, method, path string, body, into any) error {
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("databricks %s: %w", path, err)
		}
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, reader)
	if err != nil {
		return fmt.Errorf("databricks %s: %w", path, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token.Reveal())
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("databricks %s: %w", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("databricks %s: %w", path, err)
	}
	answer = onboarding.PrintableJSON(answer)
	if res.StatusCode != http.StatusOK {
		e := &Error{Status: res.StatusCode, Path: path}
		var said struct {
			Code    any    `json:"error_code"` // a word, and in answers of the gateway a number
			Message string `json:"message"`
		}
		if json.Unmarshal(answer, &said) == nil {
			if code, ok := said.Code.(string); ok {
				e.Code = code
			}
			e.Message = said.Message
		} else {
			e.Message = http.StatusText(res.StatusCode) + ", not JSON"
		}
		if r := []rune(e.Message); len(r) > 300 {
			e.Message = string(r[:300])
		}
		return e
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return &Error{Status: res.StatusCode, Path: path, Message: "the answer is not the JSON that a workspace gives"}
	}
	return nil
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (r == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return false
		}
	}
	return true
}
