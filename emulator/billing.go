package emulator

import "google.golang.org/api/cloudbilling/v1"

// registerBilling serves whether a project has a billing account.
func (e *Emulator) registerBilling() {
	e.handle("cloudbilling.googleapis.com", "GET /v1/billingAccounts", listBillingAccounts)
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

// listBillingAccounts gives the accounts of projects that the caller may see ("billingAccounts/ID").
func listBillingAccounts(c *call) (any, error) {
	out := &cloudbilling.ListBillingAccountsResponse{}
	for _, id := range c.e.projects.keys("") {
		p, _ := c.e.projects.get(id)
		if name := "billingAccounts/" + billingAccount(p); p.Billing && c.allowed(name, "billing.accounts.get") {
			out.BillingAccounts = append(out.BillingAccounts, &cloudbilling.BillingAccount{Name: name, Open: true, DisplayName: "Billing account of " + p.Name})
		}
	}
	return out, nil
}

// BillingAccount is the billing account of a project, "billingAccounts/ID", for [Emulator.SetIAM].
func (e *Emulator) BillingAccount(project string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, _ := e.project(project)
	return "billingAccounts/" + billingAccount(p)
}

// billingAccount is a stable sample account id.
func billingAccount(p Project) string {
	d := derived(p.ID)
	return "01" + d[:4] + "-" + d[4:10] + "-" + d[:6]
}
