package devpg

// InUse reports whether a process runs, or is starting, the cluster in dir. A folder that isn't ours is not in use.
func InUse(dir string) bool {
	if !Made(dir) {
		return false
	}
	f, err := lockDir(dir)
	if err != nil {
		return true
	}
	_ = f.Close()
	return false
}
