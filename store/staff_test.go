package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/store/pgtest"
)

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t)
	ctx := t.Context()
	kim := onboarding.Actor{Email: "kim@vendor.example", Role: onboarding.RoleAdministrator, RequestID: "req-2"}
	lee := onboarding.Actor{Email: "lee@vendor.example", Role: onboarding.RoleAdministrator}
	must(t, s.ChangeStaff(ctx, kim, kim.Email, onboarding.RoleAdministrator, false))
	must(t, s.ChangeStaff(ctx, kim, "sue@vendor.example", onboarding.RoleSpecialist, false))
	wantCode(t, s.ChangeStaff(ctx, kim, kim.Email, "", false), onboarding.CodeConflict)
	wantCode(t, s.ChangeStaff(ctx, kim, kim.Email, onboarding.RoleSpecialist, false), onboarding.CodeConflict)
	must(t, s.ChangeStaff(ctx, kim, "sue@vendor.example", "", false))
	wantCode(t, s.ChangeStaff(ctx, kim, "sue@vendor.example", onboarding.RoleCustomer, false), onboarding.CodeInvalid)

	// Two who take each other's role at once: one stays.
	must(t, s.ChangeStaff(ctx, kim, lee.Email, onboarding.RoleAdministrator, false))
	errs := make(chan error, 2)
	go func() { errs <- s.ChangeStaff(ctx, kim, lee.Email, "", false) }()
	go func() { errs <- s.ChangeStaff(ctx, lee, kim.Email, "", false) }()
	first, second := <-errs, <-errs
	if (first == nil) == (second == nil) || onboarding.ErrorCode(errors.Join(first, second)) != onboarding.CodeConflict {
		t.Errorf("%v and %v", first, second)
	}
	left, err := s.Staff(ctx, sam)
	if err != nil || len(left) != 1 || left[0].Role != onboarding.RoleAdministrator {
		t.Fatalf("left %+v, %v", left, err)
	}
	must(t, s.ChangeStaff(ctx, kim, left[0].Email, "", true))
}

func TestChangesOfTheStaffAreRecordedForGood(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t)
	s := pgtest.Open(t, db, store.Config{})
	ctx := t.Context()
	kim := onboarding.Actor{Email: "kim@vendor.example", Role: onboarding.RoleAdministrator, RequestID: "req-2"}
	for _, role := range []onboarding.Role{onboarding.RoleSpecialist, onboarding.RoleSpecialist, onboarding.RoleAdministrator, "", ""} {
		must(t, s.ChangeStaff(ctx, kim, "Sue@vendor.example", role, true))
	}
	_, err := s.StaffChanges(ctx, sam)
	wantCode(t, err, onboarding.CodeForbidden)
	got, err := s.StaffChanges(ctx, kim)
	must(t, err)
	want := []onboarding.StaffChange{
		{Actor: kim.Email, Email: "sue@vendor.example", Before: onboarding.RoleAdministrator},
		{Actor: kim.Email, Email: "sue@vendor.example", Before: onboarding.RoleSpecialist, After: onboarding.RoleAdministrator},
		{Actor: kim.Email, Email: "sue@vendor.example", After: onboarding.RoleSpecialist},
	}
	for i := range got {
		if time.Since(got[i].At).Abs() > time.Minute {
			t.Errorf("line %d is of %s", i, got[i].At)
		}
		got[i].At = time.Time{}
	}
	if !slices.Equal(got, want) {
		t.Errorf("recorded %+v\nwant %+v", got, want)
	}
	for _, sql := range []string{`UPDATE staff_changes SET actor = 'x'`, `DELETE FROM staff_changes`, `TRUNCATE staff_changes`} {
		for who, url := range map[string]string{"the owner": db.OwnerURL, "the application": db.URL} {
			if _, err := connect(t, url).Exec(ctx, sql); err == nil {
				t.Errorf("%s may %s", who, sql)
			}
		}
	}
}
