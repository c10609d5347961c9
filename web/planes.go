package web

import (
	"fmt"
	"slices"
	"strings"

	"groundwork/onboarding"
)

// Planes says who owns the three planes, what is made in which, and which account may use what. All of it follows from
// a plan; with the run that carries the plan out, it also says how far that is.
type Planes struct {
	Customer string // owner of the data plane; "" the reader's company
	Plan     onboarding.Plan
	Run      *onboarding.Run // nil: nothing is being made
	Sketch   bool            // nothing is answered yet, so no name is final
	Open     bool            // the customer still decides what becomes of what is no longer needed
}

// planeUse is one role that lets an account use a part.
type planeUse struct {
	By    planeAccount
	Role  string
	State onboarding.TaskState
}

type planeAccount int

const (
	byControl planeAccount = iota
	byServing
	bySpark
)

// planePart is something in the data plane.
type planePart struct {
	Name     string // "Bucket"
	Resource string // "gs://tecton-acme-dataplane"; "" none is worth naming
	Action   onboarding.Action
	State    onboarding.TaskState // "" no run
	Uses     []planeUse
	unasked  bool     // the run didn't look at it
	at       string   // how bindings name it
	places   []string // that this part stands for, where the plan only binds roles on them
}

// The names of tasks that stand for something the customer already has.
const (
	taskDatabricks onboarding.TaskName = "databricks-check"
	taskRedis      onboarding.TaskName = "redis"
)

// drawn reports whether there is a figure: a teardown has none.
func (p Planes) drawn() bool {
	return len(p.Plan.Tasks) > 0 && (p.Run == nil || p.Run.Kind != onboarding.RunTeardown)
}

func (v ProgressView) planes() Planes {
	return Planes{Customer: v.Onboarding.Customer, Plan: v.Run.Plan, Run: &v.Run}
}

func (v DoneView) planes() Planes {
	return Planes{Customer: v.Onboarding.Customer, Plan: v.Run.Plan, Run: &v.Run}
}

func (p Planes) state(name onboarding.TaskName) onboarding.TaskState {
	if p.Run == nil {
		if line, ok := p.Plan.Task(name); ok && line.Action == onboarding.ActionNone {
			return onboarding.TaskDone // it exists
		}
		return ""
	}
	for _, t := range p.Run.Tasks {
		if t.Name == name {
			return t.State
		}
	}
	return onboarding.TaskPending
}

// account is whose account a binding's member is.
func (p Planes) account(member string) (planeAccount, bool) {
	spec := p.Plan.Spec
	switch email := strings.TrimPrefix(member, "serviceAccount:"); {
	case email == spec.ControlPlaneAccount:
		return byControl, true
	case email == spec.Vendor.ServingAccount && email != "":
		return byServing, true
	case email == spec.SparkAccount():
		return bySpark, true
	default:
		return 0, false
	}
}

// parts are what the plan makes and uses in the data plane, each once.
func (p Planes) parts() []planePart {
	var parts []planePart
	for _, t := range p.Plan.Tasks {
		if p.gone(t) {
			continue
		}
		part := planePart{Name: sentenceCase(t.Makes), Resource: t.Resource, at: t.Resource, Action: t.Action, State: p.state(t.Name), unasked: p.Run != nil && unasked(*p.Run, t)}
		switch {
		case t.Makes != "" && t.Resource == p.Plan.Spec.SparkAccount():
			part.Name = "Spark service account"
		case t.Makes != "":
		case t.Name == taskDatabricks:
			part.Name = "Databricks workspace"
		case t.Name == taskRedis:
			part.Name = onboarding.OnlineRedis.Label()
			part.Uses = []planeUse{{byServing, "network peering", part.State}}
		default:
			continue
		}
		parts = append(parts, part)
	}
	for _, t := range p.Plan.Tasks {
		for _, b := range t.Bindings {
			by, ours := p.account(b.Member)
			if !ours {
				continue
			}
			i := slices.IndexFunc(parts, func(part planePart) bool { return part.is(b.On) })
			if i < 0 {
				name := p.thing(b.On)
				if i = slices.IndexFunc(parts, func(part planePart) bool { return part.places != nil && part.Name == name }); i < 0 {
					i = len(parts)
					parts = append(parts, planePart{Name: name, Action: onboarding.ActionAdopt, State: p.state(t.Name)})
				}
				if !slices.Contains(parts[i].places, b.On) {
					parts[i].places = append(parts[i].places, b.On)
				}
				if state := p.state(t.Name); state != onboarding.TaskDone {
					parts[i].State = state
				}
			}
			parts[i].Uses = append(parts[i].Uses, planeUse{by, b.Role, p.state(t.Name)})
		}
	}
	for i, part := range parts {
		if len(part.places) > 0 {
			parts[i].Resource = strings.Join(part.places, ", ")
		}
		if n := len(part.places); n > 1 {
			parts[i].Name = plural(n, "data source", "data sources")
		}
	}
	return parts
}

// gone reports whether what the line is about was removed, before the run or by it.
func (p Planes) gone(line onboarding.PlannedTask) bool {
	if line.Absent || line.Action != onboarding.ActionDelete || p.Run == nil {
		return line.Absent
	}
	for _, t := range p.Run.Tasks {
		if t.Name == line.Name {
			return t.State == onboarding.TaskDone && t.Left == ""
		}
	}
	return false
}

// is reports whether a binding names this part.
func (part planePart) is(on string) bool {
	return part.at != "" && (on == part.at || on == "serviceAccounts/"+part.at || strings.HasSuffix(part.at, "/"+on))
}

// thing is a place of bindings that the plan doesn't make.
func (p Planes) thing(on string) string {
	switch {
	case on == "projects/"+p.Plan.Spec.Project:
		return "The project"
	case on == "serviceAccounts/"+p.Plan.Spec.SparkAccount():
		return "Spark service account"
	default:
		return "Data source"
	}
}

// word says how far a part is.
func (part planePart) word() string {
	// What the plan doesn't make exists: it is only checked, or gets an access.
	checked, place := part.Action == onboarding.ActionCheck, len(part.places) > 0
	switch part.State {
	case "", onboarding.TaskPending:
		switch {
		case checked:
			return "not checked yet"
		case place && part.State == "":
			return "access planned"
		case place:
			return "access not given yet"
		case part.State == "":
			return "planned"
		}
		return "not started"
	case onboarding.TaskDone:
		if part.unasked {
			return notChecked
		}
		return strings.ToLower(doneWord(part.Action))
	case onboarding.TaskRunning:
		return "in progress"
	case onboarding.TaskWaiting:
		return "waiting for Google"
	case onboarding.TaskBlocked:
		return "paused"
	case onboarding.TaskFailed:
		return "failed"
	case onboarding.TaskCanceled:
		return "canceled"
	default:
		return "not started"
	}
}

// usedBy are the roles that an account has on a part, in words.
func (part planePart) usedBy(by planeAccount) string {
	var roles []string
	for _, u := range part.Uses {
		if u.By == by && !slices.Contains(roles, roleName(u.Role)) {
			roles = append(roles, roleName(u.Role))
		}
	}
	return strings.Join(roles, ", ")
}

// roleName is a role as the Cloud console calls it, or as our plan calls the custom one.
func roleName(role string) string {
	switch role {
	case "roles/bigquery.dataViewer":
		return "BigQuery Data Viewer"
	case "roles/bigquery.readSessionUser":
		return "BigQuery Read Session User"
	case "roles/bigtable.admin":
		return "Bigtable Administrator"
	case "roles/bigtable.user":
		return "Bigtable User"
	case "roles/dataproc.worker":
		return "Dataproc Worker"
	case "roles/iam.serviceAccountUser":
		return "Service Account User"
	case "roles/serviceusage.serviceUsageConsumer":
		return "Service Usage Consumer"
	case "roles/storage.objectAdmin":
		return "Storage Object Admin"
	case "roles/storage.objectViewer":
		return "Storage Object Viewer"
	}
	if strings.Contains(role, "/roles/") {
		return "its custom role"
	}
	return role
}

// use is the state of an account's access to a part, the least of its roles; false for none.
func (part planePart) use(by planeAccount) (onboarding.TaskState, bool) {
	state, found := onboarding.TaskDone, false
	for _, u := range part.Uses {
		if u.By != by {
			continue
		}
		if !found || u.State != onboarding.TaskDone {
			state, found = u.State, true
		}
	}
	return state, found
}

// summary is the figure in one sentence.
func (p Planes) summary(brand string) string {
	parts := p.parts()
	s := fmt.Sprintf("The control plane and the serving plane belong to %s. The data plane belongs to %s and stays in its Google Cloud project.", brand, orText(p.Customer, "your company"))
	if p.servingNode() == noServingAccount {
		s += " The serving plane has no service account yet, so this plan gives it no access."
	}
	ready, unchecked, made := 0, 0, 0
	for _, part := range parts {
		switch {
		case p.Run == nil && (part.Action == onboarding.ActionCheck || len(part.places) > 0): // it isn't the plan's to make
			continue
		case part.State == onboarding.TaskDone && part.unasked:
			unchecked++
		case part.State == onboarding.TaskDone:
			ready++
		}
		made++
	}
	switch {
	case p.Run != nil:
		s += fmt.Sprintf(" %d of %s of the data plane %s ready", ready, plural(made, "part", "parts"), inNumber(ready, "is", "are"))
		if unchecked > 0 {
			s += fmt.Sprintf(", and %d %s not checked", unchecked, inNumber(unchecked, "was", "were"))
		}
		s += "."
	case ready > 0:
		s += fmt.Sprintf(" %d of %s that the plan sets up in the data plane %s already.", ready, plural(made, "part", "parts"), inNumber(ready, "exists", "exist"))
	}
	return s
}

const noServingAccount = "No account yet"

// The figure. Everything is measured in its own units, which are pixels where it has its full size.
type (
	planeBox  struct{ X, Y, W, H int }
	planeText struct {
		X, Y        int
		Class, Text string
	}
	planeNode struct {
		planeBox
		Class, Icon, Text string
	}
	planeLine struct{ Class, Path, Head string }
	planeFig  struct {
		W, H  int
		Boxes []planeBox
		Texts []planeText
		Nodes []planeNode
		Lines []planeLine
	}
)

const (
	planeHead = 74 // height of a plane's head: title, owner, place
	planeRow  = 36 // height of a part with the gap below
)

// planeSize is how much room a figure has.
type planeSize int

const (
	planesWide  planeSize = iota // side by side
	planesSmall                  // side by side, for a sketch
	planesTall                   // below each other
)

// figure lays the planes out.
func (p Planes) figure(brand string, size planeSize) planeFig {
	narrow := size == planesTall
	parts := p.parts()
	height := func(rows int) int { return planeHead + rows*planeRow + 6 }
	var control, data, serving planeBox
	var f planeFig
	if narrow {
		control = planeBox{20, 1, 260, height(1)}
		data = planeBox{20, control.H + 17, 260, height(len(parts))}
		serving = planeBox{20, data.Y + data.H + 16, 260, height(1)}
		f.W, f.H = 300, serving.Y+serving.H+1
	} else if h := height(max(1, len(parts))); size == planesSmall {
		control, data, serving = planeBox{1, 1, 142, h}, planeBox{169, 1, 158, h}, planeBox{353, 1, 142, h}
		f.W, f.H = 496, h+2
	} else {
		control, data, serving = planeBox{1, 1, 168, h}, planeBox{217, 1, 216, h}, planeBox{481, 1, 168, h}
		f.W, f.H = 650, h+2
	}
	f.Boxes = []planeBox{control, data, serving}
	head := func(b planeBox, title, owner, class, place string) {
		f.Texts = append(f.Texts,
			planeText{b.X + 12, b.Y + 24, "title", title},
			planeText{b.X + 12, b.Y + 42, "owner", clip("Belongs to "+owner, (b.W-20)/6)},
			planeText{b.X + 12, b.Y + 60, class, clip(place, (b.W-20)/6)},
		)
	}
	head(control, "Control plane", brand, "owner", "Starts the jobs")
	if project := p.Plan.Spec.Project; project != "" {
		head(data, "Data plane", orText(p.Customer, "you"), "place", project)
	} else {
		head(data, "Data plane", orText(p.Customer, "you"), "owner", "Your Google Cloud")
	}
	head(serving, "Serving plane", brand, "owner", "Serves the features")

	node := func(b planeBox, row int, class, icon, text string) planeBox {
		n := planeBox{b.X + 10, b.Y + planeHead + row*planeRow, b.W - 20, planeRow - 6}
		f.Nodes = append(f.Nodes, planeNode{n, class, icon, clip(text, (n.W-38)*2/13)})
		return n
	}
	from := map[planeAccount]planeBox{byControl: node(control, 0, "account", "user", p.controlNode()), byServing: node(serving, 0, "account", "user", p.servingNode())}
	for i, part := range parts {
		class, icon := "planned", "circle"
		if part.State != "" {
			class, icon = string(taskTone(part.State)), taskIcon(part.State)
		}
		to := node(data, i, class, icon, part.Name)
		for _, by := range []planeAccount{byControl, byServing} {
			if state, ok := part.use(by); ok {
				tone := "planned"
				if state != "" {
					tone = string(taskTone(state))
				}
				f.Lines = append(f.Lines, planeArrow(from[by], to, by == byServing, narrow, tone))
			}
		}
	}
	return f
}

func (p Planes) controlNode() string {
	if p.Sketch {
		return "Account"
	}
	return "Service account"
}

// servingNode is how the serving plane reaches the online store.
func (p Planes) servingNode() string {
	switch {
	case p.Sketch:
		return "Account"
	case p.Plan.Spec.Vendor.ServingAccount != "":
		return "Service account"
	case p.Plan.Spec.OnlineStore == onboarding.OnlineRedis:
		return "Network peering"
	default:
		return noServingAccount
	}
}

// planeArrow leads from an account to a part: from the left, or for the serving plane from the right.
func planeArrow(from, to planeBox, right, narrow bool, class string) planeLine {
	y0, y1 := from.Y+from.H/2, to.Y+to.H/2
	x0, x1, side := from.X+from.W, to.X, 1
	if right {
		x0, x1, side = from.X, to.X+to.W, -1
	}
	l := planeLine{Class: class, Head: fmt.Sprintf("M%d %dl%d -4v8z", x1, y1, -7*side)}
	if narrow {
		x0 = from.X
		margin := 8
		if right {
			x0, margin = from.X+from.W, 292
		}
		l.Path = fmt.Sprintf("M%d %dH%dV%dH%d", x0, y0, margin, y1, x1-6*side)
		return l
	}
	mid := (x0 + x1) / 2
	l.Path = fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x0, y0, mid, y0, mid, y1, x1-6*side, y1)
	return l
}

// clip shortens a text to n characters.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return strings.TrimRight(string(r[:n-1]), " -.") + "…"
}
