// Package cel evaluates the small part of Google's Common Expression Language in which IAM conditions, organization
// policies and custom constraints are written: literals, lists, fields, comparisons, in, !, &&, ||, has, timestamp and
// the usual methods of strings. Everything else is an error, which a caller reads as "not known".
package cel

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// Func is a method that a variable offers, such as resource.matchTag.
type Func func(args ...any) (any, error)

// Bool evaluates a condition. Variables are strings, booleans, int64, float64, [time.Time], lists ([]any), and objects
// (map[string]any) whose fields are values or a [Func].
func Bool(expr string, vars map[string]any) (bool, error) {
	p := &parser{vars: vars}
	var err error
	if p.tokens, err = scan(expr); err != nil {
		return false, err
	}
	v, err := p.or()
	if err == nil && p.at < len(p.tokens) {
		err = fmt.Errorf("unexpected %q", p.tokens[p.at])
	}
	if err != nil {
		return false, err
	}
	b, ok := v().(bool)
	if !ok {
		return false, fmt.Errorf("%q is not known to be true or false", expr)
	}
	return b, nil
}

var tokenPattern = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+(?:\.[0-9]+)?|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|&&|\|\||[=!<>]=|[-!<>().,\[\]])`)

func scan(expr string) ([]string, error) {
	var out []string
	for rest := strings.TrimSpace(expr); rest != ""; rest = strings.TrimSpace(rest) {
		t := tokenPattern.FindString(rest)
		if t == "" {
			return nil, fmt.Errorf("%q is not understood", rest)
		}
		out = append(out, t)
		rest = rest[len(t):]
	}
	return out, nil
}

// unknown is the value of what could not be evaluated.
type unknown struct{ error }

// value is an expression that was parsed; an error while it is evaluated is its value, because false && error is false.
type value func() any

type parser struct {
	tokens []string
	at     int
	vars   map[string]any
}

func (p *parser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *parser) take(tokens ...string) (string, bool) {
	t := p.peek()
	for _, want := range tokens {
		if t == want && t != "" {
			p.at++
			return t, true
		}
	}
	return "", false
}

func (p *parser) or() (value, error)  { return p.logical("||", true, p.and) }
func (p *parser) and() (value, error) { return p.logical("&&", false, p.relation) }

// logical joins operands; one that is decisive decides, whatever the others are.
func (p *parser) logical(op string, decisive bool, operand func() (value, error)) (value, error) {
	left, err := operand()
	for err == nil {
		if _, ok := p.take(op); !ok {
			break
		}
		var right value
		a := left
		if right, err = operand(); err != nil {
			break
		}
		left = func() any {
			x, y := a(), right()
			if x == decisive || y == decisive {
				return decisive
			}
			if _, ok := x.(bool); !ok {
				return x
			}
			return y
		}
	}
	return left, err
}

func (p *parser) relation() (value, error) {
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	op, ok := p.take("==", "!=", "<", "<=", ">", ">=", "in")
	if !ok {
		return left, nil
	}
	right, err := p.unary()
	if err != nil {
		return nil, err
	}
	return func() any { return compare(op, left(), right()) }, nil
}

func compare(op string, x, y any) any {
	for _, v := range []any{x, y} {
		if u, ok := v.(unknown); ok {
			return u
		}
	}
	switch op {
	case "==":
		return reflect.DeepEqual(x, y)
	case "!=":
		return !reflect.DeepEqual(x, y)
	case "in":
		return contains(y, x)
	}
	n, err := order(x, y)
	if err != nil {
		return unknown{err}
	}
	switch op {
	case "<":
		return n < 0
	case "<=":
		return n <= 0
	case ">":
		return n > 0
	default:
		return n >= 0
	}
}

func contains(in, x any) any {
	switch in := in.(type) {
	case []any:
		for _, e := range in {
			if reflect.DeepEqual(e, x) {
				return true
			}
		}
		return false
	case map[string]any:
		key, _ := x.(string)
		_, ok := in[key]
		return ok
	}
	return unknown{fmt.Errorf("in: %T holds nothing", in)}
}

func order(x, y any) (int, error) {
	if a, ok := x.(time.Time); ok {
		if b, ok := y.(time.Time); ok {
			return a.Compare(b), nil
		}
	}
	if a, ok := x.(string); ok {
		if b, ok := y.(string); ok {
			return strings.Compare(a, b), nil
		}
	}
	if a, ok := x.(float64); ok {
		if b, ok := y.(float64); ok {
			switch {
			case a < b:
				return -1, nil
			case a > b:
				return 1, nil
			}
			return 0, nil
		}
	}
	return 0, fmt.Errorf("%T and %T have no order", x, y)
}

func (p *parser) unary() (value, error) {
	op, ok := p.take("!", "-")
	if !ok {
		return p.member()
	}
	v, err := p.unary()
	if err != nil {
		return nil, err
	}
	return func() any {
		switch x := v().(type) {
		case bool:
			if op == "!" {
				return !x
			}
		case float64:
			if op == "-" {
				return -x
			}
		case unknown:
			return x
		}
		return unknown{fmt.Errorf("%s does not fit", op)}
	}, nil
}

// member is a primary expression with its fields, indexes and methods.
func (p *parser) member() (value, error) {
	v, err := p.primary()
	for err == nil {
		op, ok := p.take(".", "[")
		if !ok {
			break
		}
		of := v
		if op == "[" {
			var key value
			if key, err = p.or(); err == nil {
				err = p.need("]")
			}
			v = func() any { return field(of(), key()) }
			continue
		}
		name := p.peek()
		p.at++
		if _, ok := p.take("("); !ok {
			v = func() any { return field(of(), name) }
			continue
		}
		var args []value
		args, err = p.list(")")
		v = func() any { return method(of(), name, evaluate(args)) }
	}
	return v, err
}

func (p *parser) primary() (value, error) {
	t := p.peek()
	p.at++
	switch {
	case t == "":
		return nil, errors.New("the expression ends too early")
	case t == "(":
		v, err := p.or()
		if err == nil {
			err = p.need(")")
		}
		return v, err
	case t == "[":
		items, err := p.list("]")
		return func() any { return evaluate(items) }, err
	case t[0] == '"' || t[0] == '\'':
		return constant(unquote(t)), nil
	case t == "true" || t == "false":
		return constant(t == "true"), nil
	case t[0] >= '0' && t[0] <= '9':
		var n float64
		_, err := fmt.Sscan(t, &n)
		return constant(n), err
	}
	if _, ok := p.take("("); ok {
		args, err := p.list(")")
		return func() any { return call(t, evaluate(args)) }, err
	}
	v, ok := p.vars[t]
	if !ok {
		v = unknown{fmt.Errorf("%s is not known", t)}
	}
	return constant(v), nil
}

func constant(v any) value {
	if n, ok := v.(int64); ok {
		v = float64(n)
	}
	return func() any { return v }
}

var escapes = regexp.MustCompile(`\\(.)`)

func unquote(t string) string { return escapes.ReplaceAllString(t[1:len(t)-1], "$1") }

// list parses expressions up to the closing token.
func (p *parser) list(end string) ([]value, error) {
	var out []value
	for {
		if _, ok := p.take(end); ok {
			return out, nil
		}
		v, err := p.or()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		if _, ok := p.take(","); !ok {
			return out, p.need(end)
		}
	}
}

func (p *parser) need(t string) error {
	if _, ok := p.take(t); !ok {
		return fmt.Errorf("%q is missing before %q", t, p.peek())
	}
	return nil
}

func evaluate(list []value) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v()
	}
	return out
}

func field(of, key any) any {
	if m, ok := of.(map[string]any); ok {
		name, _ := key.(string)
		if v, ok := m[name]; ok {
			return constant(v)()
		}
		return unknown{fmt.Errorf("there is no %v", key)}
	}
	if u, ok := of.(unknown); ok {
		return u
	}
	return unknown{fmt.Errorf("%T has no field %v", of, key)}
}

func method(of any, name string, args []any) any {
	if m, ok := of.(map[string]any); ok {
		fn, ok := m[name].(Func)
		if !ok {
			return unknown{fmt.Errorf("there is no method %s", name)}
		}
		v, err := fn(args...)
		if err != nil {
			return unknown{err}
		}
		return v
	}
	s, isText := of.(string)
	if !isText || len(args) != 1 {
		return unknown{fmt.Errorf("%T has no method %s", of, name)}
	}
	arg, _ := args[0].(string)
	switch name {
	case "startsWith":
		return strings.HasPrefix(s, arg)
	case "endsWith":
		return strings.HasSuffix(s, arg)
	case "contains":
		return strings.Contains(s, arg)
	case "matches":
		re, err := regexp.Compile(arg)
		if err != nil {
			return unknown{err}
		}
		return re.MatchString(s)
	}
	return unknown{fmt.Errorf("a string has no method %s", name)}
}

func call(name string, args []any) any {
	if len(args) != 1 {
		return unknown{fmt.Errorf("%s takes one argument", name)}
	}
	if u, ok := args[0].(unknown); ok && name != "has" {
		return u
	}
	switch name {
	case "has":
		_, missing := args[0].(unknown)
		return !missing
	case "timestamp":
		text, _ := args[0].(string)
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return unknown{err}
		}
		return t
	case "size":
		switch v := args[0].(type) {
		case string:
			return float64(len([]rune(v)))
		case []any:
			return float64(len(v))
		case map[string]any:
			return float64(len(v))
		}
	}
	return unknown{fmt.Errorf("%s is not known", name)}
}
