// Command server is Groundwork: the site, its workers, the migrations, and a demo that needs nothing.
// It wires the rooms together and knows no business.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/alecthomas/kong"

	"groundwork/onboarding"
)

type cli struct {
	trials
	Serve     serveCmd     `cmd:"" help:"Run the site and its workers."`
	Migrate   migrateCmd   `cmd:"" help:"Bring the database to this version's schema, as its owner."`
	Keygen    keygenCmd    `cmd:"" help:"Print a new keyset for KEYSET_FILE. Keep it secret."`
	Audit     auditCmd     `cmd:"" help:"Look after the histories."`
	RevokeAll revokeAllCmd `cmd:"" help:"Revoke every customer's access at Google and wipe it here; it is wiped even if Google is down."`
	Keys      keysCmd      `cmd:"" help:"Change the keyset's keys in stages."`
	Doctor    doctorCmd    `cmd:"" help:"Check what serve needs outside: OAuth client, keyset, mail, database, handover. Takes the configuration of serve, changes nothing, and exits 1 if something fails."`
	Health    healthCmd    `cmd:"" help:"Ask a running server whether it is ready; exit 1 if not."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// errReported ends the program with status 1 after the problem was already printed.
var errReported = errors.New("reported")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		if !errors.Is(err, errReported) {
			fmt.Fprintln(os.Stderr, "groundwork:", err)
		}
		os.Exit(1)
	}
}

// run is main with its surroundings handed in.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var c cli
	var files secretFiles
	parser, err := kong.New(&c,
		kong.Name("groundwork"),
		kong.Description("Prepares a customer's Google Cloud project, with the customer's own access."),
		kong.Writers(stdout, stderr),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{stdout, stderr}),
		kong.Resolvers(&files),
		kong.UsageOnError(),
	)
	if err != nil {
		return err
	}
	k, err := parser.Parse(args)
	if err != nil {
		return err
	}
	k.Bind(files.problems)
	return k.Run()
}

// streams is where a command prints: answers to Out, everything for people to Err.
type streams struct{ Out, Err io.Writer }

// report prints all problems at once and ends the command.
func report(s streams, command string, problems []string) error {
	fmt.Fprintf(s.Err, "groundwork %s cannot start. Fix these and start it again:\n", command)
	for _, p := range problems {
		fmt.Fprintf(s.Err, "  - %s.\n", p)
	}
	return errReported
}

type versionCmd struct{}

func (versionCmd) Run(s streams) error {
	fmt.Fprintln(s.Out, "groundwork", version())
	return nil
}

// version is the build's, and Go's.
func version() string { return onboarding.Version() + " " + runtime.Version() }
