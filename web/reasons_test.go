package web

import (
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
)

func TestTheConsentPageListsEveryReasonOfAPermission(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	p := onboarding.Permission{Name: "storage.buckets.setIamPolicy", Why: "to let Spark use the bucket"}
	for n, more := range [][]string{nil, {"to let the control plane use it"}, {"to let the control plane use it", "to let the serving plane use it", "to let the control plane use it"}} {
		v := s.connect(func(v *ConnectView) { v.Permissions = onboarding.Permissions{Run: []onboarding.Permission{p}} })
		for _, why := range more {
			v.Permissions.Because(onboarding.Permission{Name: p.Name, Why: why})
		}
		doc, _ := render(t, GalleryPage{"connect", ConnectPage(v)})
		row := doc.Find("#permissions-storage tbody tr")
		for _, why := range append(more, p.Why) {
			if got := strings.Count(row.Text(), sentenceCase(why)); got != 1 {
				t.Errorf("%d: %q is there %d times", n, why, got)
			}
		}
		if folded := row.Find("details").Length() == 1; folded != (len(more) > 1) {
			t.Errorf("%d: %d reasons are folded: %v", n, len(more)+1, folded)
		}
	}
}
