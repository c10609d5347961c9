package resources

import (
	"slices"
	"strings"
	"time"

	"groundwork/onboarding"
	"groundwork/provisioner"
)

// recordFormat is the version of outputs.json's shape.
const recordFormat = 1

// checked is a task of the run: what it saw to, how it came to be, and by whose word.
type checked struct {
	Task       string            `json:"task"`
	Title      string            `json:"title"`
	At         time.Time         `json:"at"`                    // UTC
	Origin     onboarding.Origin `json:"origin,omitempty"`      // of its resource or binding; absent: it has none
	Result     string            `json:"result"`                // "verified", "attested" or "not_tested"
	As         string            `json:"as,omitempty"`          // whose identity the test used; absent: nothing was tested
	AttestedBy string            `json:"attested_by,omitempty"` // a person's name
	Found      []string          `json:"found,omitempty"`
	NotTested  []string          `json:"not_tested,omitempty"` // what wasn't, and why
	Warnings   []string          `json:"warnings,omitempty"`
	Accepted   []accepted        `json:"accepted,omitempty"` // of the warnings
}

// accepted is a warning that was shown before the run, and that a specialist accepted.
type accepted struct {
	Warning string    `json:"warning"`
	By      string    `json:"by"`
	At      time.Time `json:"at"` // UTC
	Reason  string    `json:"reason"`
	Later   bool      `json:"later,omitempty"` // accepted after the plan was approved: the run didn't go by it
}

// accept adds who accepted what the task warns of. A decision counts for what was shown then, and so only for a warning that
// says the same.
func (c *checked) accept(decisions []onboarding.Override) {
	for _, d := range decisions {
		for _, w := range c.Warnings {
			if d.Warning && d.Check == provisioner.CheckOfTask(onboarding.TaskName(c.Task)) && strings.Contains(d.Found, w) {
				c.Accepted = append(c.Accepted, accepted{w, d.By, d.At.UTC(), d.Reason, d.Later})
			}
		}
	}
}

// newRecord puts together what the tasks declare, and what this run did.
func newRecord(env *provisioner.Env, number string, items []onboarding.Item, decisions []onboarding.Override, end *onboarding.AuditEnd) (onboarding.Record, error) {
	facts := []onboarding.Fact{{Key: "format", Value: recordFormat}}
	run := env.Results()
	facts = append(facts, provisioner.Facts(slices.DeleteFunc(slices.Clone(env.Tasks), func(t *provisioner.Task) bool {
		return !slices.ContainsFunc(run, func(ran onboarding.Task) bool { return ran.Name == t.Name })
	}))...)
	facts = append(
		facts,
		onboarding.Fact{Key: "project_number", Value: number},
		onboarding.Fact{Key: "bindings", Value: bindingsOf(env.Tasks)},
		onboarding.Fact{Key: "vendor_access", Value: vendorAccess(env.Spec, env.Tasks)},
		onboarding.Fact{Key: "verified", Value: results(env, items, decisions)},
		onboarding.Fact{Key: "verified_as", Value: env.Caller}, // whose access the tests used
		onboarding.Fact{Key: "versions.groundwork", Value: onboarding.Version()},
	)
	if end != nil {
		facts = append(facts, onboarding.Fact{Key: "history", Value: end})
	}
	var r onboarding.Record
	for _, f := range facts {
		if err := r.Set(f.Key, f.Value); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// vendorAccess is what the vendor's accounts may do from now on, each with the command that ends only that. It is of the
// same bindings as the plan and the last page.
func vendorAccess(spec onboarding.Spec, tasks []*provisioner.Task) []onboarding.VendorRight {
	out := []onboarding.VendorRight{} // never null
	for _, t := range tasks {
		for _, b := range t.Description.Bindings {
			b.Permissions = nil
			if right, ok := spec.VendorRight(b, t.Description.Why); ok {
				out = append(out, right)
			}
		}
	}
	return out
}

// results are the tasks that are done by now: all but the handover.
func results(env *provisioner.Env, items []onboarding.Item, decisions []onboarding.Override) []checked {
	origins := map[onboarding.TaskName]onboarding.Origin{}
	for _, i := range items {
		if i.State == onboarding.ItemPresent {
			origins[i.Task] = i.Origin
		}
	}
	out := []checked{} // never null
	for _, t := range env.Results() {
		if t.State == onboarding.TaskDone && t.Name != "handover" {
			c := result(env, t, origins[t.Name])
			c.accept(decisions)
			out = append(out, c)
		}
	}
	return out
}

func result(env *provisioner.Env, t onboarding.Task, origin onboarding.Origin) checked {
	c := checked{Task: string(t.Name), Title: t.Title, At: t.FinishedAt.UTC(), Origin: origin, Result: "verified", As: env.Caller}
	add := func(to *[]string, text string) {
		if !slices.Contains(*to, text) { // a check may be repeated
			*to = append(*to, text)
		}
	}
	for _, e := range t.Events {
		switch e.Kind {
		case "log":
			add(&c.Found, e.Text)
		case string(provisioner.Principal):
			c.As = e.Text
		case string(provisioner.Attested):
			c.Result, c.AttestedBy = "attested", env.Spec.Redis.AttestedBy
			add(&c.NotTested, e.Text)
		case string(provisioner.NotTested):
			add(&c.NotTested, e.Text)
		case string(provisioner.Warning):
			add(&c.Warnings, e.Text)
		}
	}
	if c.Result == "verified" && len(c.NotTested) > 0 && len(c.Found) == 0 {
		c.Result = "not_tested"
	}
	if c.Result != "verified" {
		c.As = ""
	}
	return c
}
