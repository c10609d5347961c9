package emulator

import "google.golang.org/api/cloudbilling/v1"

// registerBilling serves whether a project has a billing account.
func (e *Emulator) registerBilling() {
	e.handle("cloudbilling.googleapis.com", "GET /v1/projects/{project}/billingInfo", func(c *call) (any, error) {
		p, err := c.needProject("resourcemanager.projects.get")
		if err != nil {
			return nil, err
		}
		out := &cloudbilling.ProjectBillingInfo{Name: "projects/" + p.ID + "/billingInfo", ProjectId: p.ID}
		if p.Billing {
			out.BillingEnabled = true
			out.BillingAccountName = "billingAccounts/" + billingAccount(p)
		}
		return out, nil
	})
}

// billingAccount is a stable sample account id.
func billingAccount(p Project) string {
	d := derived(p.ID)
	return "01" + d[:4] + "-" + d[4:10] + "-" + d[:6]
}
