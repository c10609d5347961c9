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

// ready is when an operation that the call starts will be done.
func (c *call) ready() time.Time {
	if c.speed < 0 {
		return c.now.AddDate(100, 0, 0)
	}
	return c.now.Add(c.speed)
}

// operation starts a long-running operation that ends at [call.ready]. Both metadata and response carry their
// "@type"; nil leaves them out. What the operation makes must show by its own time of readiness.
func (c *call) operation(name, project string, metadata, response any) any {
	op := operation{Name: name, Start: c.now, End: c.ready(), Project: project}
	op.Metadata, op.Response = rawJSON(metadata), rawJSON(response)
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
