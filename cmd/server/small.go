package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"groundwork/store"
)

type migrateCmd struct {
	URL         string `name:"database-url" help:"Postgres, as the owner of the schema." env:"MIGRATE_DATABASE_URL" required:""`
	Password    string `name:"database-password" help:"The owner's password, kept apart from the address." env:"MIGRATE_DATABASE_PASSWORD"`
	AppPassword string `help:"Set the application role's password to this." env:"APP_PASSWORD"`
}

func (m migrateCmd) Run(ctx context.Context, s streams, files fileProblems) error {
	if len(files) > 0 {
		return tell(s, "migrate", files)
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

type healthCmd struct {
	URL string `help:"Address of the server." env:"HEALTH_URL" default:"http://127.0.0.1:8080"`
}

func (h healthCmd) Run(ctx context.Context, s streams) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/healthz/ready", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is not ready: %s", resp.Status)
	}
	fmt.Fprintln(s.Out, "ready")
	return nil
}

// tell prints all problems at once and ends the command.
func tell(s streams, command string, problems []string) error {
	fmt.Fprintf(s.Err, "groundwork %s cannot start. Mend these and start it again:\n", command)
	for _, p := range problems {
		fmt.Fprintf(s.Err, "  - %s.\n", p)
	}
	return errReported
}
