package demo

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCleanupTakesOnlyWhatIsLeftOver(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	make1 := func(name string, r *remains, mode os.FileMode) string {
		t.Helper()
		dir := filepath.Join(tmp, dirPrefix+name)
		if err := os.Mkdir(dir, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if r != nil {
			if err := r.write(dir); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	const nobody = 1 << 30 // above every pid
	left := make1("left", &remains{Owner: nobody, PIDs: []int{nobody, os.Getpid()}}, 0o700)
	kept := make1("kept", &remains{Owner: nobody, Keep: true}, 0o700)
	open := make1("open", &remains{Owner: nobody}, 0o777)
	fresh := make1("fresh", nil, 0o700)
	removed, err := Cleanup(false)
	if err != nil || len(removed) != 1 || removed[0] != left {
		t.Errorf("removed %v, %v", removed, err)
	}
	for _, dir := range []string{kept, open, fresh} {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("%s is gone", dir)
		}
	}
	if removed, err = Cleanup(true); err != nil || len(removed) != 1 || removed[0] != kept {
		t.Errorf("with kept: removed %v, %v", removed, err)
	}
}
