package handlers

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
)

// sessionCodec reads and writes sessions as scs does. Gob begins each of them with a description of its types, whose
// reading is most of the work: a decoder that has read it once goes on with the values of every session that begins alike.
// Other servers may describe them in another way, and theirs are read from the beginning.
type sessionCodec struct {
	scs.GobCodec
	empty    []byte // a session without values
	types    []byte // how it begins
	decoders sync.Pool
}

// stored is what scs's codec writes: a type without a name, so that it is the same type.
type stored = struct {
	Deadline time.Time
	Values   map[string]any
}

// decoder decodes what from is reset to.
type decoder struct {
	from bytes.Reader
	*gob.Decoder
}

func newSessionCodec() (*sessionCodec, error) {
	c := &sessionCodec{}
	var err error
	if c.empty, err = c.Encode(time.Time{}, nil); err != nil {
		return nil, fmt.Errorf("write a session: %w", err)
	}
	// One encoder describes the types once: the second time, it writes the values alone.
	var b bytes.Buffer
	e := gob.NewEncoder(&b)
	for range 2 {
		b.Reset()
		if err := e.Encode(&stored{}); err != nil {
			return nil, fmt.Errorf("write a session: %w", err)
		}
	}
	c.types = bytes.TrimSuffix(c.empty, b.Bytes())
	return c, nil
}

// Decode implements [scs.Codec].
func (c *sessionCodec) Decode(data []byte) (time.Time, map[string]any, error) {
	values, alike := bytes.CutPrefix(data, c.types)
	if !alike {
		return c.GobCodec.Decode(data)
	}
	d, ok := c.decoders.Get().(*decoder)
	if !ok {
		d = &decoder{}
		d.Decoder = gob.NewDecoder(&d.from)
		d.from.Reset(c.empty)
		if err := d.Decode(&stored{}); err != nil {
			return time.Time{}, nil, fmt.Errorf("read the types of a session: %w", err)
		}
	}
	var s stored
	d.from.Reset(values)
	if err := d.Decode(&s); err != nil {
		return c.GobCodec.Decode(data) // a value may bring a type of its own; this decoder isn't used again
	}
	c.decoders.Put(d)
	return s.Deadline, s.Values, nil
}
