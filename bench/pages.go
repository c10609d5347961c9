package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"groundwork/onboarding"
	"groundwork/wizard/steps/sample"
)

// site starts everything for pages, the first time: server, baseline and signed-in customers, one a client.
func (l *lab) site(ctx context.Context) error {
	if err := l.serve(ctx); err != nil || l.people != nil {
		return err
	}
	if err := l.besides(ctx); err != nil {
		return err
	}
	for range clients {
		c, err := l.customer(ctx)
		if err != nil {
			return err
		}
		if err := l.fillIn(ctx, c); err != nil {
			return err
		}
		l.people = append(l.people, c)
	}
	return nil
}

// asked are the pages that need no cloud access, and what a customer answers to each.
var asked = slices.DeleteFunc(sample.Usual(), func(o sample.Option) bool { return o.Step == "project" })

// fillIn answers all pages that need no cloud access.
func (l *lab) fillIn(ctx context.Context, c *customer) error {
	h, err := dial(ctx, l.base)
	if err != nil {
		return err
	}
	defer h.close()
	ob, err := l.store.Onboarding(ctx, onboarding.System, c.ob)
	if err != nil {
		return err
	}
	for _, a := range asked {
		form := a.Form()
		form.Set("version", strconv.Itoa(c.version))
		switch a.Step {
		case "deployment":
			form.Set("name", ob.Deployment)
		case "accounts":
			form.Set("control_plane", ob.Vendor.ControlPlaneAccount)
		}
		status, _, err := h.do(l.form(c, c.from, "/o/"+string(c.ob)+"/step/"+a.Step, form.Encode()))
		if err != nil || status != http.StatusSeeOther {
			return fmt.Errorf("answer %s: %d, %w", a.Step, status, err)
		}
		c.version++
	}
	return nil
}

// measurePage compares the wizard's pages, one after the other, with the well-known benchmark's page.
func measurePage(ctx context.Context, l *lab) ([]row, error) {
	if err := l.site(ctx); err != nil {
		return nil, err
	}
	fortune := plain(l.baseline.base, "/fortunes")
	texts := make([][][]byte, clients)
	for i, c := range l.people {
		for _, a := range asked {
			texts[i] = append(texts[i], l.page(c, "/o/"+string(c.ob)+"/step/"+a.Step))
		}
	}
	var ours, theirs spent
	ratios, pages, fortunes, err := l.ratios(ctx,
		l.costs(l.server.Process.Pid, ask(l.base, func(client, n int) ([]byte, int) { return texts[client][n%len(asked)], http.StatusOK }), &ours),
		l.costs(l.baseline.process.Process.Pid, ask(l.baseline.base, func(int, int) ([]byte, int) { return fortune, http.StatusOK }), &theirs))
	if err != nil {
		return nil, err
	}
	return []row{row{
		What: "GET a wizard page", Against: "a fortunes page", Goal: 0.50, Beyond: 0.65, AtLeast: true,
		Measured: fmt.Sprintf("%.0f and %.0f a second, %d clients; computed %v and %v each (server + database): %.2f", pages, fortunes, clients, ours, theirs, theirs.each()/ours.each()),
	}.spread(ratios)}, nil
}

// addresses is how many strangers ask for the start page.
const addresses = 1000

// measureMiddleware compares the start page's answer to a stranger, which takes the way through everything that stands
// before a handler and asks the database nothing, with the same answer of a bare server.
func measureMiddleware(ctx context.Context, l *lab) ([]row, error) {
	if err := l.site(ctx); err != nil {
		return nil, err
	}
	stranger := *l.people[0]
	stranger.cookie = ""
	var texts [addresses][]byte // more requests than one address may send
	for i := range texts {
		stranger.from = fmt.Sprintf("172.%d.%d.%d", 16+i>>16, i>>8&255, i&255)
		texts[i] = l.page(&stranger, "/")
	}
	same := func(client, n int) ([]byte, int) { return texts[(n*clients+client)%addresses], http.StatusSeeOther }
	var ours, theirs spent
	ratios, rate, bare, err := l.ratios(ctx,
		l.costs(l.server.Process.Pid, ask(l.base, same), &ours), l.costs(l.baseline.process.Process.Pid, ask(l.baseline.base, same), &theirs))
	if err != nil {
		return nil, err
	}
	return []row{row{
		What: "middleware", Against: "bare net/http", Goal: 0.70, Beyond: 0.85, AtLeast: true,
		Measured: fmt.Sprintf("%.0f and %.0f a second, %d clients; computed %v and %v each (server + database)", rate, bare, clients, ours, theirs),
	}.spread(ratios)}, nil
}

// plain is the text of a GET with as little as a client may send.
func plain(base, path string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + base[len("http://"):] + "\r\nUser-Agent: bench\r\nAccept: text/html\r\n\r\n")
}
