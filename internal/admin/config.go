package admin

import "net/http"

func (s *Server) handleConfig(w http.ResponseWriter, _ *http.Request) error {
	var settings any = struct{}{}
	if s.cfg.Settings != nil {
		settings = s.cfg.Settings()
	}
	writeJSON(w, http.StatusOK, settings)
	return nil
}
