package main

import (
	"context"
	"fmt"

	"groundwork/store"
)

type migrateCmd struct {
	URL         string `name:"database-url" help:"Postgres, as the owner of the schema." env:"MIGRATE_DATABASE_URL" required:""`
	Password    string `name:"database-password" help:"The owner's password, kept apart from the address." env:"MIGRATE_DATABASE_PASSWORD"`
	AppPassword string `help:"Set the application role's password to this." env:"APP_PASSWORD"`
}

func (m migrateCmd) Run(ctx context.Context, s streams, files fileProblems) error {
	if len(files) > 0 {
		return report(s, "migrate", files)
	}
	url := withPassword(m.URL, m.Password)
	if err := store.Migrate(ctx, url); err != nil {
		return err
	}
	if m.AppPassword != "" {
		if err := store.SetAppPassword(ctx, url, m.AppPassword); err != nil {
			return err
		}
	}
	fmt.Fprintln(s.Err, "the database is at this version's schema")
	return nil
}
