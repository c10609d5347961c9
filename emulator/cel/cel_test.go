package cel

import (
	"testing"
	"time"
)

func TestBool(t *testing.T) {
	vars := map[string]any{
		"request": map[string]any{"time": time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)},
		"resource": map[string]any{
			"name": "projects/_/buckets/acme", "labels": map[string]any{"team": "data"}, "size": int64(3), "on": false,
			"matchTag": Func(func(args ...any) (any, error) { return args[0] == "123/env" && args[1] == "prod", nil }),
		},
	}
	for expr, want := range map[string]string{
		`request.time < timestamp("2026-03-04T06:00:00Z")`:                                        "true",
		`request.time < timestamp("2026-03-04T05:00:00Z")`:                                        "false",
		`request.time > timestamp("x")`:                                                           "unknown",
		`"cost-center" in resource.labels`:                                                        "false",
		`!("cost-center" in resource.labels)`:                                                     "true",
		`resource.labels.team == 'data' && resource.size >= 2`:                                    "true",
		`resource.labels["team"] in ["data", "ml"]`:                                               "true",
		`resource.matchTag('123/env', 'prod')`:                                                    "true",
		`!resource.matchTag('123/env', 'dev') && resource.name.startsWith("projects/_/buckets/")`: "true",
		`resource.missing == "x"`:                                                                 "unknown",
		`resource.missing == "x" && resource.on`:                                                  "false",
		`resource.missing == "x" || !resource.on`:                                                 "true",
		`resource.missing == "x" || resource.on`:                                                  "unknown",
		`has(resource.missing) == false`:                                                          "true",
		`size(resource.labels) == 1 && resource.size > -1`:                                        "true",
		`resource.name.matches("acme$") && resource.name.contains("buckets") && "a\"b" == 'a"b'`:  "true",
		`api.getAttribute("x", []) == "y"`:                                                        "unknown",
		`resource.name`:                                                                           "unknown",
		`(resource.on`:                                                                            "unknown",
		`resource.on resource.on`:                                                                 "unknown",
		`resource.on ?`:                                                                           "unknown",
		``:                                                                                        "unknown",
	} {
		v, err := Bool(expr, vars)
		got := map[bool]string{true: "true", false: "false"}[v]
		if err != nil {
			got = "unknown"
		}
		if got != want {
			t.Errorf("%s is %s (%v), want %s", expr, got, err, want)
		}
	}
}
