package gcp

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Until is a condition on a binding that ends by itself.
type Until struct {
	Title string
	End   time.Time
}

type condition struct {
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	Expression  string `json:"expression"`
}

// endOf is what [Until] is written as, and nothing else.
var endOf = regexp.MustCompile(`^request\.time < timestamp\("([^"]+)"\)$`)

// MarshalJSON writes the condition as Google reads it.
func (u Until) MarshalJSON() ([]byte, error) {
	return json.Marshal(condition{Title: u.Title, Expression: fmt.Sprintf("request.time < timestamp(%q)", u.End.UTC().Format(time.RFC3339))})
}

// titled returns the bindings of a role whose condition has that title, with when they end: the zero time where the condition
// says something else.
func titled(bindings []Binding, role, title string) (found []Binding, ends []time.Time) {
	for _, b := range bindings {
		var c condition
		if b.Role != role || b.Condition == nil || json.Unmarshal(b.Condition, &c) != nil || c.Title != title {
			continue
		}
		var end time.Time
		if m := endOf.FindStringSubmatch(c.Expression); m != nil {
			end, _ = time.Parse(time.RFC3339, m[1]) // the zero time, else
		}
		found, ends = append(found, b), append(ends, end)
	}
	return found, ends
}

// EndOf returns when the binding ends that gives a role to a member under a condition of that title; the zero time if there
// is none that does, and whether there is any binding of the title.
func (c *Clients) EndOf(ctx context.Context, r Resource, role, member, title string) (end time.Time, there bool, err error) {
	p, err := c.Policy(ctx, r)
	if err != nil {
		return end, false, err
	}
	found, ends := titled(p.Bindings, role, title)
	if len(found) == 1 && HasMember([]Binding{{Role: role, Members: found[0].Members}}, role, member) {
		end = ends[0]
	}
	return end, len(found) > 0, nil
}

// BindUntil gives a member a role under a condition, in the place of all bindings of the role with the condition's title:
// one read and one write.
func (c *Clients) BindUntil(ctx context.Context, r Resource, role, member string, u Until) error {
	cond, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("condition of a binding on %s: %w", r.name, err)
	}
	return c.edit(ctx, r, func(b []Binding) ([]Binding, bool) {
		return append(without(b, role, u.Title), Binding{Role: role, Members: []string{member}, Condition: cond}), true
	})
}

// UnbindTitled removes all bindings of a role whose condition has that title: one read, and one write if there are any.
func (c *Clients) UnbindTitled(ctx context.Context, r Resource, role, title string) error {
	return c.edit(ctx, r, func(b []Binding) ([]Binding, bool) {
		left := without(b, role, title)
		return left, len(left) < len(b)
	})
}

func without(bindings []Binding, role, title string) []Binding {
	return slices.DeleteFunc(slices.Clone(bindings), func(b Binding) bool {
		found, _ := titled([]Binding{b}, role, title)
		return len(found) > 0
	})
}
