//go:build !release

package main

// trials are the commands for trying Groundwork on one machine. A release build has none of them, and no emulator, sample
// data or private Postgres either.
type trials struct {
	Demo     demoCmd     `cmd:"" help:"Run everything on this machine: private Postgres, emulated Google Cloud, sample people and onboardings."`
	Emulator emulatorCmd `cmd:"" help:"Run only the emulated Google Cloud, sign-in, and Databricks workspace, on loopback."`
}

// hasTrials reports whether this build may use an emulator.
const hasTrials = true
