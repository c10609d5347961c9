package provisioner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/provisioner/gcp"
)

// zone is the check that Google offers Bigtable where the run creates an instance; none where it creates none.
func (p *preflight) zone() []check {
	zone := p.spec.BigtableZone()
	if zone == "" {
		return nil
	}
	return []check{{
		result: onboarding.CheckResult{
			Name: "bigtable-zone", Title: "Google offers Bigtable in the zone", On: onboarding.PartyCustomer, Overridable: true,
			Why:  "Bigtable isn’t in every zone of Google Cloud, and a project may have zones that others don’t have.",
			Link: p.console("bigtable/instances"),
			Command: `curl --header "Authorization: Bearer $(gcloud auth print-access-token)" --header "X-Goog-User-Project: ` + p.spec.Project +
				`" https://bigtableadmin.googleapis.com/v2/projects/` + p.spec.Project + "/locations",
		},
		read:    func(ctx context.Context, r *onboarding.CheckResult) error { return p.readZone(ctx, r, zone) },
		unknown: "Until it can be read, we can't tell whether Google offers Bigtable in " + zone + ".",
	}}
}

func (p *preflight) readZone(ctx context.Context, r *onboarding.CheckResult, zone string) error {
	region := zone[:strings.LastIndexByte(zone, '-')]
	offered, err := p.env.Cloud.BigtableZones(ctx, p.spec.Project)
	if err != nil {
		return err
	}
	if slices.Contains(offered, zone) {
		r.Found = "Google offers Bigtable in " + zone + "."
		return nil
	}
	instance := "projects/" + p.spec.Project + "/instances/" + p.spec.BigtableInstance()
	switch _, err := p.env.Cloud.Bigtable.Projects.Instances.Get(instance).Context(ctx).Do(); {
	case err == nil: // the run's own, or someone else's, which the task finds
		r.Found = "The instance exists already, so it needs no zone."
		return nil
	case !gcp.Absent(err):
		return fmt.Errorf("read instance %s: %w", instance, err)
	}
	const goOn = "Or continue: if Google refuses the zone, the run stops at that task, and nothing is lost."
	inRegion := slices.DeleteFunc(slices.Clone(offered), func(z string) bool { return !strings.HasPrefix(z, region+"-") })
	switch {
	case len(offered) == 0:
		r.State = onboarding.CheckWarning
		r.Found = "Google’s list of the places where it offers Bigtable names no zone, so whether it offers it in " + zone + " couldn’t be determined."
		r.Fix = []string{"Look for the zone when you create an instance in the Cloud console.", goOn}
	case len(inRegion) == 0:
		r.State, r.Found = onboarding.CheckFailed, "Google offers Bigtable in no zone of "+region+"."
		r.Fix = []string{"Choose another online store, or another region. The region can’t be changed after the bucket is created."}
	default:
		r.State = onboarding.CheckFailed
		r.Found = "Google doesn’t offer Bigtable in " + zone + ". In " + region + ", it offers it in " + strings.Join(inRegion, ", ") + "."
		r.Fix = []string{"Choose one of these zones at the online store step."}
	}
	return nil
}
