package resources

import (
	"runtime/debug"
	"slices"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner"
)

// recordFormat is the version of outputs.json's shape.
const recordFormat = 1

// checked is a task of the run: what it saw to, when it was done, and what it found.
type checked struct {
	Task  string    `json:"task"`
	Title string    `json:"title"`
	At    time.Time `json:"at"` // UTC
	Found []string  `json:"found,omitempty"`
}

// newRecord puts together what the tasks declare, and what this run did.
func newRecord(env *provisioner.Env, number string) (onboarding.Record, error) {
	facts := []onboarding.Fact{{Key: "format", Value: recordFormat}}
	facts = append(facts, provisioner.Facts(env.Tasks)...)
	facts = append(
		facts,
		onboarding.Fact{Key: "project_number", Value: number},
		onboarding.Fact{Key: "bindings", Value: bindingsOf(env.Tasks)},
		onboarding.Fact{Key: "verified", Value: results(env)},
		onboarding.Fact{Key: "verified_as", Value: env.Caller}, // whose access the tests used
		onboarding.Fact{Key: "versions.groundwork", Value: version()},
	)
	var r onboarding.Record
	for _, f := range facts {
		if err := r.Set(f.Key, f.Value); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// results are the tasks that are done by now: all but the handover.
func results(env *provisioner.Env) []checked {
	out := []checked{} // never null
	for _, t := range env.Results() {
		if t.State != onboarding.TaskDone || t.Name == "handover" {
			continue
		}
		c := checked{Task: string(t.Name), Title: t.Title, At: t.FinishedAt.UTC()}
		for _, e := range t.Events {
			if e.Kind == "log" && !slices.Contains(c.Found, e.Text) {
				c.Found = append(c.Found, e.Text)
			}
		}
		out = append(out, c)
	}
	return out
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
