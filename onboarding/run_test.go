package onboarding

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPermissionUseDividesThePlansPermissionsByTheTasksThatRan(t *testing.T) {
	get, create, bind := Permission{Name: "storage.buckets.get"}, Permission{Name: "storage.buckets.create", On: "b"}, Permission{Name: "storage.buckets.setIamPolicy"}
	run := Run{
		Plan: Plan{Tasks: []PlannedTask{
			{Name: "idle", Permissions: []Permission{bind, get, bind}},
			{Name: "bucket", Permissions: []Permission{get, create}},
			{Name: "verify", Permissions: []Permission{get}},
		}},
		Tasks: []Task{{Name: "bucket", StartedAt: time.Unix(1, 0)}, {Name: "idle", State: TaskCanceled}, {Name: "verify", StartedAt: time.Unix(2, 0)}},
	}
	ran, idle := run.PermissionUse()
	if diff := cmp.Diff([][]Permission{{get, create}, {bind}}, [][]Permission{ran, idle}); diff != "" {
		t.Error(diff)
	}
}

// A plan that is approved in the middle of a run takes the place of the one before. What ran under that was asked for and used
// too.
func TestPermissionsOfAnEarlierPlanOfTheRunCount(t *testing.T) {
	p := func(name string) Permission { return Permission{Name: name} }
	now := time.Date(2026, 11, 22, 10, 14, 0, 0, time.UTC)
	run := Run{
		Plan: Plan{Tasks: []PlannedTask{
			{Name: "apis", Permissions: []Permission{p("serviceusage.services.enable")}},
			{Name: "redis", Permissions: []Permission{p("compute.networks.get")}},
		}},
		Tasks: []Task{
			{Name: "apis", State: TaskDone, StartedAt: now, Needs: []Permission{p("serviceusage.services.enable"), p("serviceusage.services.get")}},
			{Name: "redis", State: TaskPending, Needs: []Permission{p("compute.networks.get")}},
			{Name: "bigtable", State: TaskDone, StartedAt: now, Needs: []Permission{p("bigtable.instances.create")}},
			{Name: "bigtable-role", State: TaskCanceled, Needs: []Permission{p("bigtable.instances.setIamPolicy")}},
		},
	}
	ran, idle := run.PermissionUse()
	if want := []Permission{p("serviceusage.services.enable"), p("serviceusage.services.get"), p("bigtable.instances.create")}; cmp.Diff(want, ran) != "" {
		t.Errorf("ran with %v, want %v", ran, want)
	}
	if want := []Permission{p("compute.networks.get")}; cmp.Diff(want, idle) != "" {
		t.Errorf("not used are %v, want %v", idle, want)
	}
}
