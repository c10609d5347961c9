package handlers

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"groundwork/onboarding"
	"groundwork/web"
)

// gallery lists every page in every state.
func (s *Server) gallery(w http.ResponseWriter, v *visit) error {
	view, _, err := s.galleryView(w, v)
	if err != nil {
		return err
	}
	view.Query = v.URL.Query().Get("q")
	return s.draw(w, v.Request, http.StatusOK, web.GalleryIndex(view))
}

// galleryPage shows one page in one state.
func (s *Server) galleryPage(w http.ResponseWriter, v *visit) error {
	view, page, err := s.galleryView(w, v)
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, page.Look(view.Look))
}

// galleryWidths shows one page at the widths it must hold at.
func (s *Server) galleryWidths(w http.ResponseWriter, v *visit) error {
	view, _, err := s.galleryView(w, v)
	if err != nil {
		return err
	}
	return s.draw(w, v.Request, http.StatusOK, web.GalleryWidths(view))
}

// galleryView is the gallery as the request asks for it, with the page named in the address, if one is.
func (s *Server) galleryView(w http.ResponseWriter, v *visit) (web.GalleryView, web.GalleryPage, error) {
	missing := onboarding.Errorf(onboarding.CodeNotFound, "There is no page at this address. Check the link, or go to the start page.")
	if s.Gallery == nil {
		return web.GalleryView{}, web.GalleryPage{}, missing
	}
	view := web.GalleryView{Frame: s.frame(v.Request, ""), Page: chi.URLParam(v.Request, "page"), Look: web.LookFrom(v.URL.Query())}
	pages := s.Gallery()
	for _, p := range pages {
		view.Names = append(view.Names, p.Name)
	}
	at := slices.Index(view.Names, view.Page)
	if view.Page != "" && at < 0 {
		return view, web.GalleryPage{}, missing
	}
	w.Header().Set("Content-Security-Policy", web.GalleryPolicy)
	if at < 0 {
		return view, web.GalleryPage{}, nil
	}
	return view, pages[at], nil
}
