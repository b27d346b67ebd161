package main

import "errors"

var demoCommand = &command{name: "demo", run: func(*call) error { return errors.New("soon") }}
