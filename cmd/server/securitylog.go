package main

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"os/user"

	"groundwork/onboarding"
)

// hashedPeople is the value of SECURITY_LOG_PEOPLE that leaves addresses out of the security log.
const hashedPeople = "hashed"

// securityLog is where the servers' security events go. The client's secret makes the pseudonyms, so that all servers write
// the same ones, and nobody without it can look for an address.
func (f *siteFlags) securityLog(log *slog.Logger) onboarding.SecurityLog {
	out := onboarding.SecurityLog{Log: log}
	if f.SecurityLogPeople == hashedPeople {
		key := sha256.Sum256([]byte("groundwork security log\x00" + f.GoogleClientSecret))
		out.Pseudonyms = key[:]
	}
	return out
}

// operatorLog is the security log of the operator's commands: the terminal, which a log collector may read.
func operatorLog(s streams) onboarding.SecurityLog {
	return onboarding.SecurityLog{Log: slog.New(slog.NewJSONHandler(s.Err, nil))}
}

// operated writes a security event of a command of the operator's.
func operated(ctx context.Context, s streams, kind onboarding.SecurityKind, command string, err error) {
	e := onboarding.SecurityEvent{Kind: kind, Outcome: onboarding.SecurityDone, Role: onboarding.RoleSystem, Route: "groundwork " + command}
	if err != nil {
		e.Outcome = onboarding.SecurityFailed
	}
	if who, err := user.Current(); err == nil {
		e.Person = who.Username
	}
	operatorLog(s).Write(ctx, e)
}
