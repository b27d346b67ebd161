package netlab_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/internal/doctor"
)

var doctorPage = filepath.Join("..", "..", "docs", "DOCTOR.md")

// The page is what the table and the experiments say.
func TestDoctorPage(t *testing.T) {
	want := renderPage(t)
	if *rewriteOutputs {
		if err := os.WriteFile(doctorPage, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(doctorPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/DOCTOR.md is not what internal/doctor and testdata/doctor say: run with -rewrite")
	}
}

// Every cause has an experiment, and every experiment is of a cause.
func TestEveryCauseHasAnExperiment(t *testing.T) {
	tried := map[string]bool{}
	for _, x := range experiments(alone) {
		for _, w := range x.want {
			tried[w.cause] = true
		}
	}
	for i := range doctor.Causes {
		if name := doctor.Causes[i].Name; !tried[name] {
			t.Errorf("%s has no experiment", name)
		}
	}
	for name := range tried { // order-free
		if doctor.CauseNamed(name) == nil {
			t.Errorf("%s is no cause", name)
		}
	}
}

func renderPage(t *testing.T) []byte {
	t.Helper()
	head, err := os.ReadFile(filepath.Join("testdata", "doctor", "head.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.NewBuffer(head)
	fmt.Fprintf(out, "\n## What can be named\n\n| cause | what it means |\n|---|---|\n")
	for i := range doctor.Causes {
		c := &doctor.Causes[i]
		fmt.Fprintf(out, "| [`%s`](#%s) | %s |\n", c.Name, c.Name, c.What)
	}
	for i := range doctor.Causes {
		c := &doctor.Causes[i]
		said, err := os.ReadFile(outputOf(c.Name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(said), "\n"+c.Name+" ") {
			t.Errorf("%s does not name it", outputOf(c.Name))
		}
		fmt.Fprintf(out, "\n## %s\n\n%s.\n\n- Cure: %s.\n- Tried with: %s.\n\n```text\n%s\n```\n",
			c.Name, sentence(c.What), c.Cure, c.Experiment, strings.TrimSpace(string(said)))
	}
	return out.Bytes()
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
