package store

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// column is one sort key: its SQL, which an index has word for word, the type, and the value of a row that was read.
type column struct {
	expr, cast string
	of         func(onboarding.Onboarding) string
}

// order is the columns that rows are sorted by, all in one direction. The ID comes last and makes each place unique.
type order []column

var (
	byCustomer   = column{"lower(o.customer)", "text", func(o onboarding.Onboarding) string { return strings.ToLower(o.Customer) }}
	byStatus     = column{"o.status", "text", func(o onboarding.Onboarding) string { return string(o.Status) }}
	bySpecialist = column{"o.specialist", "text", func(o onboarding.Onboarding) string { return o.Specialist }}
	byActivity   = column{"o.activity_at", timestamp, func(o onboarding.Onboarding) string { return o.ActivityAt.Format(time.RFC3339Nano) }}
	byWaiting    = column{"coalesce(o.waiting_since, 'infinity'::timestamptz)", timestamp, func(o onboarding.Onboarding) string {
		if o.Waiting.Since.IsZero() {
			return infinity
		}
		return o.Waiting.Since.Format(time.RFC3339Nano)
	}}
)

const (
	timestamp = "timestamptz"
	infinity  = "infinity"
)

// orders has the SQL of each of [onboarding.Orders]. Each one has an index, and another that begins with the status.
var orders = map[string]order{
	"customer":   {byCustomer},
	"status":     {byStatus, byActivity},
	"waiting":    {byWaiting},
	"specialist": {bySpecialist, byActivity},
	"activity":   {byActivity},
}

func orderOf(sort onboarding.Sort) (o order, descending bool) {
	declared, descending, _ := sort.Order()
	return orders[declared.Key], descending
}

// by lists the columns for ORDER BY.
func (o order) by(direction string) string {
	var sql strings.Builder
	for _, c := range o {
		sql.WriteString(c.expr + direction + ", ")
	}
	return sql.String() + "o.id" + direction
}

// cursor is a place in one order, between two rows.
type cursor struct {
	Sort onboarding.Sort `json:"s"`
	Keys []string        `json:"k"` // a value for each column of the order
	ID   onboarding.ID   `json:"i"`
	Back bool            `json:"b,omitempty"` // toward the first page
}

func (c cursor) String() string {
	b, _ := json.Marshal(c) // strings and a bool
	return base64.RawURLEncoding.EncodeToString(b)
}

func readCursor(s string, sort onboarding.Sort) (cursor, error) {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	o, _ := orderOf(sort)
	bad := err != nil || o == nil || c.Sort != sort || len(c.Keys) != len(o) || strings.ContainsRune(string(c.ID), 0)
	for i := 0; !bad && i < len(o); i++ {
		_, ok := o[i].arg(c.Keys[i])
		bad = !ok
	}
	if bad {
		return c, onboarding.Errorf(onboarding.CodeInvalid, "The address of this page of the list is incomplete. Go back to the first page.")
	}
	return c, nil
}

// arg is a key as an argument; false if it is none of the column's type.
func (c column) arg(key string) (any, bool) {
	if c.cast != timestamp || key == infinity {
		return key, !strings.ContainsRune(key, 0)
	}
	t, err := time.Parse(time.RFC3339Nano, key)
	return t, err == nil
}

// compared compares a row with the place that [cursor.bind] sets.
func (o order) compared(operator string) string {
	var row, place strings.Builder
	for i, col := range o {
		row.WriteString(col.expr + ", ")
		place.WriteString("@key" + strconv.Itoa(i) + "::" + col.cast + ", ")
	}
	return "(" + row.String() + "o.id) " + operator + " (" + place.String() + "@after::text)"
}

// bind sets the arguments of [order.compared].
func (c cursor) bind(args pgx.NamedArgs) {
	o, _ := orderOf(c.Sort)
	for i, col := range o {
		args["key"+strconv.Itoa(i)], _ = col.arg(c.Keys[i]) // readCursor checked it
	}
	args["after"] = c.ID
}

func place(sort onboarding.Sort, row onboarding.Onboarding) cursor {
	c := cursor{Sort: sort, ID: row.ID}
	o, _ := orderOf(sort)
	for _, col := range o {
		c.Keys = append(c.Keys, col.of(row))
	}
	return c
}
