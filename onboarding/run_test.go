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
