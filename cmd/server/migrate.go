package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groundwork/store"
)

type migrateCmd struct {
	URL         string `name:"database-url" help:"Postgres, as the owner of the schema." env:"MIGRATE_DATABASE_URL" required:""`
	Password    string `name:"database-password" help:"The owner's password, kept apart from the address." env:"MIGRATE_DATABASE_PASSWORD"`
	AppPassword string `help:"Set the application role's password to this." env:"APP_PASSWORD"`
	Customer    string `name:"customer-password" help:"Set the password of the login of customers to this." env:"CUSTOMER_PASSWORD"`
	Staff       string `name:"staff-password" help:"Set the password of the login of the vendor's people to this." env:"STAFF_PASSWORD"`
	Worker      string `name:"worker-password" help:"Set the password of the login of workers to this." env:"WORKER_PASSWORD"`
	Plaintext   string `name:"database-plaintext" help:"As for serve." env:"DATABASE_PLAINTEXT"`
}

func (m migrateCmd) Run(ctx context.Context, s streams, files fileProblems) error {
	if problems := append([]string(files), plaintextProblems("MIGRATE_DATABASE_URL", m.URL, m.Plaintext)...); len(problems) > 0 {
		return report(s, "migrate", problems)
	}
	url := withPassword(m.URL, m.Password)
	if err := store.Migrate(ctx, url); err != nil {
		return err
	}
	for role, password := range map[string]string{store.AppRole: m.AppPassword, store.CustomerLogin: m.Customer, store.StaffLogin: m.Staff, store.WorkerLogin: m.Worker} {
		if password == "" {
			continue
		}
		if err := store.SetPassword(ctx, url, role, password); err != nil {
			return err
		}
	}
	shared, err := store.SharedNames(ctx, url)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		fmt.Fprintf(s.Err, "warning: several onboardings hold the deployment name %s: %s. Tear down or rename all but one; docs/operations.md says how to clear this warning.\n", name, strings.Join(shared[name], ", "))
	}
	fmt.Fprintln(s.Err, "the database is at this version's schema")
	return nil
}
