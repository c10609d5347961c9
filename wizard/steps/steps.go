// Package steps holds the pages of the wizard, one declaration a file, and their order.
//
// It knows no HTTP server, no database and no HTML, and nothing of how an answer becomes a resource.
package steps

import (
	"groundwork/wizard"
)

// All is the steps in their order. Their number is fixed: branches live inside a step.
func All() []*wizard.Step {
	return []*wizard.Step{deployment, region, compute, onlineStore, accounts, dataSources, project}
}

// deploymentName is the answered deployment name, "" if none.
func deploymentName(c wizard.Case) string {
	a, _ := wizard.Answer[deploymentAnswer](c, deploymentID)
	return a.Name
}

// dataProject is the answered project of the data plane, "" if none.
func dataProject(c wizard.Case) string {
	a, _ := wizard.Answer[projectAnswer](c, projectID)
	return a.Project
}

// chosenRegion is the answered region; false if none.
func chosenRegion(c wizard.Case) (regionInfo, bool) {
	r, _ := wizard.Answer[regionAnswer](c, regionID)
	return findRegion(r.Region)
}
