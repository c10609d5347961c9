package emulator_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"groundwork/emulator"
)

const workspaceHost = "1234567890123456.7.gcp.databricks.com"

// workspaceCall gives the status and the answer of a workspace; token "" sends none.
func workspaceCall(t *testing.T, c *cloud, token, method, path, body string) (int, map[string]any) {
	t.Helper()
	req := must(http.NewRequestWithContext(t.Context(), method, c.url+path, strings.NewReader(body)))(t)
	req.Host = workspaceHost
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res := must(http.DefaultClient.Do(req))(t)
	defer res.Body.Close()
	var out map[string]any
	noError(t, json.NewDecoder(res.Body).Decode(&out))
	return res.StatusCode, out
}

func TestDatabricksWorkspace(t *testing.T) {
	c := newCloud(t, emulator.Config{})
	c.AddWorkspace(emulator.Workspace{Host: workspaceHost, Runtimes: []string{"15.4.x-scala2.12"}, Tokens: map[string]emulator.Principal{
		"dapi-person":  {Name: owner},
		"dapi-service": {Name: "tecton", ServicePrincipal: true, CanCreateClusters: true},
		"dapi-admin":   {Name: "admin@customer.example", Admin: true},
	}})
	const scope = `{"scope":"tecton-acme"}`
	for _, tt := range []struct {
		name, token, method, path, body string
		status                          int
		want                            string // in the answer's JSON
	}{
		{"asks for a token", "", "GET", "/api/2.0/preview/scim/v2/Me", "", 401, `"error_code":401`},
		{"refuses a wrong one", "dapi-wrong", "GET", "/api/2.0/preview/scim/v2/Me", "", 403, `"message":"Invalid access token."`},
		{"tells a person", "dapi-person", "GET", "/api/2.0/preview/scim/v2/Me", "", 200, `"userName":"` + owner + `"`},
		{"tells a service principal's entitlement", "dapi-service", "GET", "/api/2.0/preview/scim/v2/Me", "", 200, `"entitlements":[{"value":"allow-cluster-create"}]`},
		{"tells administrators", "dapi-admin", "GET", "/api/2.0/preview/scim/v2/Me", "", 200, `"display":"admins"`},
		{"lists runtimes", "dapi-person", "GET", "/api/2.1/clusters/spark-versions", "", 200, `"key":"15.4.x-scala2.12"`},
		{"has no scopes at first", "dapi-person", "GET", "/api/2.0/secrets/scopes/list", "", 200, `{}`},
		{"makes a scope", "dapi-person", "POST", "/api/2.0/secrets/scopes/create", scope, 200, `{}`},
		{"makes it once", "dapi-person", "POST", "/api/2.0/secrets/scopes/create", scope, 400, `"error_code":"RESOURCE_ALREADY_EXISTS"`},
		{"lists it", "dapi-person", "GET", "/api/2.0/secrets/scopes/list", "", 200, `"name":"tecton-acme"`},
		{"keeps others out", "dapi-service", "POST", "/api/2.0/secrets/put", `{"scope":"tecton-acme","key":"k","string_value":"v"}`, 403, `"error_code":"PERMISSION_DENIED"`},
		{"keeps a secret", "dapi-person", "POST", "/api/2.0/secrets/put", `{"scope":"tecton-acme","key":"TECTON_API_KEY","string_value":"v"}`, 200, `{}`},
		{"lists keys without values", "dapi-person", "GET", "/api/2.0/secrets/list?scope=tecton-acme", "", 200, `"secrets":[{"key":"TECTON_API_KEY","last_updated_timestamp":`},
		{"gives the value", "dapi-person", "GET", "/api/2.0/secrets/get?scope=tecton-acme&key=TECTON_API_KEY", "", 200, `"value":"dg=="`},
		{"lets an administrator delete", "dapi-admin", "POST", "/api/2.0/secrets/scopes/delete", scope, 200, `{}`},
		{"knows what is gone", "dapi-person", "POST", "/api/2.0/secrets/scopes/delete", scope, 404, `"error_code":"RESOURCE_DOES_NOT_EXIST"`},
		{"knows no other calls", "dapi-person", "GET", "/api/2.0/jobs/list", "", 404, `"error_code":"ENDPOINT_NOT_FOUND"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, answer := workspaceCall(t, c, tt.token, tt.method, tt.path, tt.body)
			raw := string(must(json.Marshal(answer))(t))
			if status != tt.status || !strings.Contains(raw, tt.want) {
				t.Errorf("got %d %s\nwant %d %s", status, raw, tt.status, tt.want)
			}
		})
	}
}

func TestDatabricksLimits(t *testing.T) {
	const scope, value = `{"scope":"tecton-acme"}`, `{"scope":"tecton-acme","key":"k","string_value":"v"}`
	w := emulator.Workspace{
		Host: workspaceHost, Tokens: map[string]emulator.Principal{"dapi-person": {Name: owner}, "dapi-other": {Name: viewer}},
		Policies: []emulator.ClusterPolicy{{ID: "30F1", Name: "Small clusters", Users: []string{owner}}},
	}
	c := newCloud(t, emulator.Config{})
	check := func(token, method, path, body string, status int, want string) {
		t.Helper()
		got, answer := workspaceCall(t, c, token, method, path, body)
		if raw := string(must(json.Marshal(answer))(t)); got != status || !strings.Contains(raw, want) {
			t.Errorf("%s %s: %d %s\nwant %d %s", method, path, got, raw, status, want)
		}
	}
	w.AllowIPs = []string{"192.0.2.0/24"} // T33
	c.AddWorkspace(w)
	check("dapi-person", "GET", "/api/2.0/preview/scim/v2/Me", "", 403, "Source IP address: 127.0.0.1 is blocked by Databricks IP ACL for workspace: 1234567890123456")
	w.AllowIPs = append(w.AllowIPs, "127.0.0.0/8")
	c.AddWorkspace(w)
	check("dapi-person", "GET", "/api/2.0/preview/scim/v2/Me", "", 200, owner)

	check("dapi-person", "GET", "/api/2.0/policies/clusters/list", "", 200, `"policy_id":"30F1"`)                                                                                      // T35
	check("dapi-other", "GET", "/api/2.0/policies/clusters/list", "", 200, `"name":"Personal Compute","policy_family_id":"personal-vm","policy_id":"0001PERSONAL"}],"total_count":1}`) // what everybody may use

	check("dapi-person", "POST", "/api/2.0/secrets/scopes/create", scope, 200, `{}`) // T34, Premium
	check("dapi-person", "POST", "/api/2.0/secrets/put", value, 200, `{}`)
	check("dapi-other", "GET", "/api/2.0/secrets/get?scope=tecton-acme&key=k", "", 403, "does not have READ permission")
	check("dapi-person", "POST", "/api/2.0/secrets/acls/put", `{"scope":"tecton-acme","principal":"users","permission":"READ"}`, 200, `{}`)
	check("dapi-other", "GET", "/api/2.0/secrets/get?scope=tecton-acme&key=k", "", 200, `"value":"dg=="`)
	check("dapi-other", "POST", "/api/2.0/secrets/put", value, 403, "does not have WRITE permission")
	check("dapi-person", "GET", "/api/2.0/secrets/acls/list?scope=tecton-acme", "", 200, `{"permission":"READ","principal":"users"}`)
	check("dapi-other", "GET", "/api/2.0/secrets/acls/list?scope=tecton-acme", "", 403, "does not have MANAGE permission")
	check("dapi-other", "POST", "/api/2.0/secrets/acls/delete", `{"scope":"tecton-acme","principal":"users"}`, 403, "does not have MANAGE permission")
	check("dapi-person", "POST", "/api/2.0/secrets/acls/delete", `{"scope":"tecton-acme","principal":"users"}`, 200, `{}`)
	check("dapi-person", "POST", "/api/2.0/secrets/acls/delete", `{"scope":"tecton-acme","principal":"users"}`, 404, "RESOURCE_DOES_NOT_EXIST")
	check("dapi-other", "GET", "/api/2.0/secrets/get?scope=tecton-acme&key=k", "", 403, "does not have READ permission")
	check("dapi-person", "POST", "/api/2.0/secrets/acls/put", `{"scope":"tecton-acme","principal":"users","permission":"SEE"}`, 400, "INVALID_PARAMETER_VALUE")
	check("dapi-person", "POST", "/api/2.0/secrets/scopes/delete", scope, 200, `{}`)

	w.Standard = true
	c.AddWorkspace(w)
	check("dapi-person", "POST", "/api/2.0/secrets/scopes/create", scope, 400, "Premium Tier is disabled in this workspace")
	check("dapi-person", "POST", "/api/2.0/secrets/scopes/create", `{"scope":"tecton-acme","initial_manage_principal":"users"}`, 200, `{}`)
	check("dapi-other", "POST", "/api/2.0/secrets/put", value, 200, `{}`)
	for _, path := range []string{"put", "delete"} {
		check("dapi-person", "POST", "/api/2.0/secrets/acls/"+path, `{"scope":"tecton-acme","principal":"users","permission":"READ"}`, 403, "ACL is not supported in your workspace.")
	}
	check("dapi-person", "GET", "/api/2.0/secrets/acls/list?scope=tecton-acme", "", 403, `"error_code":"PERMISSION_DENIED"`)
}
