package onboarding

import (
	"runtime/debug"
	"testing"
)

func TestABuildIsNamedByItsRevision(t *testing.T) {
	for want, info := range map[string]debug.BuildInfo{
		"1234abcd":          {Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "1234abcd"}, {Key: "vcs.modified", Value: "false"}}},
		"1234abcd-modified": {Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "1234abcd"}, {Key: "vcs.modified", Value: "true"}}},
		"v1.2.3":            {Main: debug.Module{Version: "v1.2.3"}},
		"unknown":           {Main: debug.Module{Version: "(devel)"}},
	} {
		if got := versionOf(&info); got != want {
			t.Errorf("%+v is called %q, want %q", info, got, want)
		}
	}
	build = "v2"
	defer func() { build = "" }()
	if got := Version(); got != "v2" {
		t.Errorf("the linker said v2, and it is called %q", got)
	}
}
