package web

import (
	"fmt"
	"strconv"
	"time"
)

func (f Frame) lang() string { return "en-US" }

// millis is the page's own time for the ticking clocks, "" without one.
func (f Frame) millis() string {
	if f.Now.IsZero() {
		return ""
	}
	return strconv.FormatInt(f.Now.UnixMilli(), 10)
}

// The layouts of times before the script rewrites them; the keys are the data-form that it reads.
var timeLayouts = map[string]string{
	"clock":   "15:04",
	"seconds": "15:04:05",
	"day":     "Jan 2, 2006",
	"full":    "Jan 2, 2006, 15:04 MST",
}

func (f Frame) timeText(t time.Time, form string) string {
	if form == "ago" && !f.Now.IsZero() {
		return ago(t, f.Now)
	}
	layout, ok := timeLayouts[form]
	if !ok {
		layout = timeLayouts["full"]
	}
	return t.UTC().Format(layout)
}

// timeForm is the data-form for the script: a relative time that had to be drawn exact is one it may rewrite.
func (f Frame) timeForm(form string) string {
	if form == "ago" && f.Now.IsZero() {
		return "full"
	}
	return form
}

func (f Frame) exact(t time.Time) string {
	return t.UTC().Format("Monday, January 2, 2006, 15:04:05 MST")
}

// ago says how long before now t was: "2 min ago", "Yesterday", "Nov 14, 2026".
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < -time.Minute:
		return "in " + span(-d)
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	case d < 48*time.Hour:
		return "yesterday"
	case d < 30*24*time.Hour:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	default:
		return t.Format("Jan 2, 2006")
	}
}

// span is a duration for people: "under 1 s", "24 s", "2 min 5 s", "3 h 10 min", "4 days".
func span(d time.Duration) string {
	s := int(d.Seconds())
	switch {
	case d < time.Second:
		return "under 1 s"
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s < 48*3600:
		return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
	default:
		return fmt.Sprintf("%d days", s/86400)
	}
}

// about is a duration rounded up, for what is only roughly known: "20 seconds", "4 minutes", "2 hours", "2½ hours".
func about(d time.Duration) string {
	up := func(unit time.Duration) int { return int((d + unit - 1) / unit) }
	switch halves := up(30 * time.Minute); {
	case d <= 55*time.Second:
		return plural(up(5*time.Second)*5, "second", "seconds")
	case d <= 90*time.Minute:
		return plural(up(time.Minute), "minute", "minutes")
	case halves%2 == 1:
		return fmt.Sprintf("%d½ hours", halves/2)
	default:
		return plural(halves/2, "hour", "hours")
	}
}

// age is a waiting time in one unit: "5 min", "3 h", "4 days".
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}
