package store

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"groundwork/onboarding"
)

// cut is where a page begins in a list that is ordered by a number.
type cut struct {
	at    int64
	newer bool // the oldest lines from at on, else the newest lines before it
	limit int
}

// newest is the cut of the first page.
func (c cut) newest() cut { return cut{at: math.MaxInt64, limit: c.limit} }

// cutsAt reads a place in n lists. What is no place is the newest page's.
func cutsAt(at onboarding.LinesAt, n int) []cut {
	limit := at.Limit
	if limit <= 0 || limit > onboarding.PageLines {
		limit = onboarding.PageLines
	}
	cuts := slices.Repeat([]cut{{at: math.MaxInt64, limit: limit}}, n)
	place := at.Before
	if at.From != "" {
		place = at.From
	}
	fields := strings.Split(place, ".")
	if len(fields) != n {
		return cuts
	}
	for i, field := range fields {
		number, err := strconv.ParseInt(field, 10, 64)
		if err != nil || number < 0 {
			return slices.Repeat([]cut{cuts[0].newest()}, n)
		}
		if number > 0 {
			cuts[i].at = number
		}
		cuts[i].newer = at.From != ""
	}
	return cuts
}

// placeAt writes cuts as [cutsAt] reads them; 0 stands for the list's end, which has no number.
func placeAt(numbers ...int64) string {
	fields := make([]string, len(numbers))
	for i, n := range numbers {
		if n == math.MaxInt64 {
			n = 0
		}
		fields[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(fields, ".")
}

// sql is the end of a statement that reads the page, with [cut.args], and one row more, which shows that there is another
// page. An index of what the WHERE compares and then the column keeps the cost independent of the list's length.
func (c cut) sql(column string) string {
	if c.newer {
		return " AND " + column + " >= @at ORDER BY " + column + " LIMIT @limit"
	}
	return " AND " + column + " < @at ORDER BY " + column + " DESC LIMIT @limit"
}

func (c cut) args(actor onboarding.Actor, list pgx.NamedArgs) pgx.NamedArgs {
	args := seen(actor, list)
	args["at"], args["limit"] = c.at, c.limit+1
	return args
}

// part is the rows of one list that a cut read.
type part[T any] struct {
	cut
	rows   []T
	number func(T) int64
}

// merge makes a page of parts that were cut alike, and orders it by before, which says whether a line is older than
// another. It reports false where a page of the newest lines is due instead, which a page that reaches the end is.
func merge[T any](older func(a, b T) bool, parts ...part[T]) (onboarding.Lines[T], bool) {
	var page onboarding.Lines[T]
	newer, limit := parts[0].newer, parts[0].limit
	next := make([]int, len(parts))
	for len(page.Items) < limit {
		best := -1
		for i, p := range parts {
			if next[i] == len(p.rows) {
				continue
			}
			if best < 0 || older(p.rows[next[i]], parts[best].rows[next[best]]) == newer {
				best = i
			}
		}
		if best < 0 {
			break
		}
		page.Items = append(page.Items, parts[best].rows[next[best]])
		next[best]++
	}
	more, begun := false, false
	here, there := make([]int64, len(parts)), make([]int64, len(parts))
	for i, p := range parts {
		more = more || next[i] < len(p.rows)
		begun = begun || p.at != math.MaxInt64
		here[i], there[i] = p.at, p.at
		if next[i] == 0 {
			continue
		}
		there[i] = p.number(p.rows[next[i]-1])
		if newer {
			there[i]++ // a place is before the line of its number
		}
	}
	if newer {
		slices.Reverse(page.Items)
		page.Older, page.Newer = placeAt(here...), placeAt(there...)
		return page, more
	}
	if begun {
		page.Newer = placeAt(here...)
	}
	if more {
		page.Older = placeAt(there...)
	}
	return page, len(page.Items) > 0 || !begun
}

// lines reads a page of n lists: read gets the cuts of each.
func lines[T any](at onboarding.LinesAt, n int, older func(a, b T) bool, read func([]cut) ([]part[T], error)) (onboarding.Lines[T], error) {
	for {
		cuts := cutsAt(at, n)
		parts, err := read(cuts)
		if err != nil {
			return onboarding.Lines[T]{}, err
		}
		page, ok := merge(older, parts...)
		if ok || at == (onboarding.LinesAt{Limit: at.Limit}) {
			return page, nil
		}
		at = onboarding.LinesAt{Limit: at.Limit}
	}
}

// oneList reads a page of one list, which a number orders.
func oneList[T any](ctx context.Context, s *Store, actor onboarding.Actor, what string, at onboarding.LinesAt, sql, column string, args pgx.NamedArgs, scan pgx.RowToFunc[T], number func(T) int64) (onboarding.Lines[T], error) {
	older := func(a, b T) bool { return number(a) < number(b) }
	return lines(at, 1, older, func(cuts []cut) ([]part[T], error) {
		p := part[T]{cut: cuts[0], number: number}
		err := s.batch(ctx, actor, what, func(b *pgx.Batch) {
			b.Queue(sql+p.sql(column), p.args(actor, args)).Query(collect(&p.rows, scan))
		})
		return []part[T]{p}, err
	})
}
