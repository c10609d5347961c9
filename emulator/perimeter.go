package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// Perimeter is a VPC Service Controls perimeter around a project (T37): calls of its services are refused unless an
// ingress rule lets the caller in.
type Perimeter struct {
	Services []string `json:"services,omitempty"` // "storage.googleapis.com"; none: every service
	Ingress  []string `json:"ingress,omitempty"`  // email addresses that are let in
}

// SetPerimeter puts a perimeter around a project; nil takes it away.
func (e *Emulator) SetPerimeter(project string, p *Perimeter) {
	e.changeProject(project, func(pr *Project) { pr.Perimeter = p })
}

// enter refuses a call from outside the perimeter of the resource's project.
// Source: https://github.com/cloudquery/cloudquery/issues/1062
func (c *call) enter(resource string) error {
	p, ok := c.e.projectOf(resource)
	if !ok || p.Perimeter == nil || slices.Contains(p.Perimeter.Ingress, c.person) {
		return nil
	}
	if s := p.Perimeter.Services; len(s) > 0 && !slices.Contains(s, c.host) {
		return nil
	}
	uid := c.e.id(54)
	g := fail("PERMISSION_DENIED", "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: %s", uid).with(
		preconditionFailure(violation{Type: "VPC_SERVICE_CONTROLS", Description: uid}),
		errorInfo("SECURITY_POLICY_VIOLATED", "googleapis.com", map[string]string{"consumer": "projects/" + p.Number, "service": c.host, "uid": uid}))
	if strings.HasPrefix(c.host, "storage.") {
		g.HTTP, g.Reason = http.StatusForbidden, "vpcServiceControls"
	}
	return g
}
