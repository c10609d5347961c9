package emulator

import (
	"encoding/json"
	"time"
)

// operation is a long-running operation as it is stored; what it changes shows from End on.
type operation struct {
	Name     string          `json:"name"` // "operations/acat.p2-123-…"
	Start    time.Time       `json:"start"`
	End      time.Time       `json:"end"`
	Project  string          `json:"project,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Response json.RawMessage `json:"response,omitempty"`
	Error    json.RawMessage `json:"error,omitempty"`
}

// operationAnswer is google.longrunning.Operation.
type operationAnswer struct {
	Name     string          `json:"name"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Done     bool            `json:"done,omitempty"`
	Response json.RawMessage `json:"response,omitempty"`
	Error    json.RawMessage `json:"error,omitempty"`
}

// Status is how a long-running operation failed: google.rpc.Status.
type Status struct {
	Code    int    `json:"code"` // of google.rpc.Code: 8 is RESOURCE_EXHAUSTED
	Message string `json:"message,omitempty"`
	Details []any  `json:"details,omitempty"`
}

// ready is when an operation that the call starts will be done.
func (c *call) ready() time.Time {
	if c.speed < 0 {
		return c.now.AddDate(100, 0, 0)
	}
	return c.now.Add(c.speed)
}

// outcome is how the operation that the call starts will fail: as a rule says, else as the state of the cloud says.
// nil: it will succeed.
func (c *call) outcome(state *Status) *Status {
	if c.fails != nil {
		return c.fails
	}
	return state
}

// operation starts a long-running operation that ends at [call.ready], with an error when failed isn't nil. Both
// metadata and response carry their "@type"; nil leaves them out. The caller makes the operation's effect visible
// at the same time, or never when it fails.
func (c *call) operation(name, project string, metadata, response any, failed *Status) any {
	op := operation{Name: name, Start: c.now, End: c.ready(), Project: project, Metadata: rawJSON(metadata)}
	if failed != nil {
		op.Error = rawJSON(failed)
	} else {
		op.Response = rawJSON(response)
	}
	c.e.operations.put(c.host+" "+name, op)
	return op.answer(c.now)
}

func rawJSON(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		panic("emulator: operation: " + err.Error())
	}
	return raw
}

// typed adds "@type" to what marshals to a JSON object.
func typed(url string, v any) any {
	m := map[string]any{}
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		panic("emulator: typed: " + err.Error())
	}
	m["@type"] = url
	return m
}

func (o operation) answer(now time.Time) operationAnswer {
	a := operationAnswer{Name: o.Name, Metadata: o.Metadata}
	if !now.Before(o.End) {
		a.Done, a.Response, a.Error = true, o.Response, o.Error
	}
	return a
}

// poll serves an operation of the host by name; the caller must see its project when permission is not "".
func (c *call) poll(name, permission string) (any, error) {
	op, ok := c.e.operations.get(c.host + " " + name)
	if !ok {
		return nil, fail("NOT_FOUND", "Operation %s not found.", name)
	}
	if permission != "" && op.Project != "" {
		if err := c.require("projects/"+op.Project, permission); err != nil {
			return nil, err
		}
	}
	return op.answer(c.now), nil
}
