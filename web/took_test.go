package web

import (
	"strings"
	"testing"
	"time"

	"groundwork/onboarding"
)

// "Usual" is said of 20 durations or more, and "longer" only beyond the usual.
func TestAPageSaysLongerThanUsualOnlyBeyondIt(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	const (
		longer   = "Longer than usual"
		usual    = "Usually takes up to 4 minutes."
		estimate = "We estimate up to 5 minutes."
		over     = "We estimated up to 5 minutes, and it is taking longer."
	)
	for _, c := range []struct {
		name    string
		seen    int
		ago     time.Duration
		within  time.Duration
		change  func(*ProgressView)
		wants   []string
		refuses []string
	}{
		{name: "at the usual", seen: 20, ago: 4 * time.Minute, wants: []string{usual}, refuses: []string{longer, estimate}},
		{name: "beyond it", seen: 20, ago: 4*time.Minute + time.Second, wants: []string{longer, usual, "This one has taken 4 min 1 s"}, refuses: []string{estimate}},
		{name: "too few were seen", seen: 19, ago: 5 * time.Minute, wants: []string{estimate}, refuses: []string{over, longer, "Usually", "usually"}},
		{name: "too few were seen, and the estimate is over", seen: 19, ago: time.Hour, wants: []string{over}, refuses: []string{estimate, longer, "Usually", "usually"}},
		{name: "too short to speak of", seen: 20, ago: time.Minute, within: time.Second, refuses: []string{longer, "Usually", estimate}},
		{
			name: "resumed, and back at work for a minute", seen: 20, ago: time.Hour, wants: []string{usual}, refuses: []string{longer},
			change: func(v *ProgressView) { resume(v, time.Minute) },
		},
		{
			name: "resumed, and back at work for five", seen: 20, ago: time.Hour, wants: []string{longer, "This one has taken 5 min 0 s"},
			change: func(v *ProgressView) { resume(v, 5*time.Minute) },
		},
		{name: "the run has ended", seen: 20, ago: time.Hour, change: func(v *ProgressView) { v.Run.State = onboarding.RunFailed }, refuses: []string{longer, "Usually", estimate}},
	} {
		v := s.progress(onboarding.RunRunning)
		for i := range v.Run.Tasks {
			if task := &v.Run.Tasks[i]; task.State == onboarding.TaskRunning {
				task.StartedAt = s.now.Add(-c.ago)
				took := onboarding.Took{Within: 4 * time.Minute, Seen: c.seen, Estimate: 5 * time.Minute}
				if c.within > 0 {
					took.Within = c.within
				}
				v.Took = map[string]onboarding.Took{task.Name.Step(): took}
			}
		}
		if c.change != nil {
			c.change(&v)
		}
		doc, _ := render(t, GalleryPage{"progress", Progress(v)})
		text := words(doc.Find("main").Text())
		for _, want := range c.wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: lacks %q", c.name, want)
			}
		}
		for _, refused := range c.refuses {
			if strings.Contains(text, refused) {
				t.Errorf("%s: says %q", c.name, refused)
			}
		}
	}
}

// resume makes the run one that was resumed, whose task went back to work that long ago.
func resume(v *ProgressView, ago time.Duration) {
	v.Run.Epoch = 3
	for i := range v.Run.Tasks {
		if t := &v.Run.Tasks[i]; t.State == onboarding.TaskRunning {
			t.Events = append(t.Events, onboarding.TaskEvent{At: v.DrawnAt.Add(-ago), Kind: "resumed", Epoch: 3})
		}
	}
}

// A run's first line says how long such runs take, once that is known.
func TestAPageSaysHowLongSuchRunsTake(t *testing.T) {
	s := samples{now: time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)}
	v := s.progress(onboarding.RunRunning)
	for seen, wants := range map[int]bool{19: false, 20: true} {
		v.Took = map[string]onboarding.Took{"": {Within: 5 * time.Minute, Seen: seen}}
		v.Run.StartedAt = s.now.Add(-5 * time.Minute)
		for _, late := range []bool{false, true} {
			if late {
				v.Run.StartedAt = v.Run.StartedAt.Add(-time.Second)
			}
			doc, _ := render(t, GalleryPage{"progress", Progress(v)})
			if got := strings.Contains(doc.Find(".lead").Text(), "This usually takes up to 5 minutes."); got != wants {
				t.Errorf("%d seen: says how long: %v", seen, got)
			}
			if got := strings.Contains(doc.Find("#run-callouts").Text(), "This kind of run usually takes up to 5 minutes."); got != (wants && late) {
				t.Errorf("%d seen, late %v: says longer: %v", seen, late, got)
			}
		}
	}
}

func TestARoughDurationIsInTheUnitThatPeopleSay(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Second:                  "5 seconds",
		55 * time.Second:             "55 seconds",
		56 * time.Second:             "1 minute",
		4*time.Minute + time.Second:  "5 minutes",
		90 * time.Minute:             "90 minutes",
		90*time.Minute + time.Second: "2 hours",
		2 * time.Hour:                "2 hours",
		2*time.Hour + time.Second:    "2½ hours",
		2*time.Hour + 30*time.Minute: "2½ hours",
		2*time.Hour + 31*time.Minute: "3 hours",
		26 * time.Hour:               "26 hours",
	} {
		if got := about(d); got != want {
			t.Errorf("about(%v) = %q, want %q", d, got, want)
		}
	}
}
