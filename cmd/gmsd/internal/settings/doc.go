// Package settings reads the daemon's configuration: each setting exists once,
// as a line of the table in table.go, and has three spellings: the flag
// --data-dir, the environment variable GMSD_DATA_DIR and the TOML key data-dir
// in the file of --config. Flags win over the environment, that over the file,
// that over the default; [Value.Origin] says which it was.
//
// Contract:
//
//  1. [Load] reports all faults at once, as *gms.FieldErrors: a value that
//     cannot be read, a key that does not exist, what gms.Config.Validate
//     finds, two listeners at one place. Only a wrong flag is an error of usage and
//     ends the reading.
//  2. Nothing is opened or bound here but the configuration file.
//  3. Settings that arrive with a later capability are read and checked, so
//     that a file may hold them; [Settings.Notes] says which have no effect yet.
//  4. A variable GMSD_* that is no setting is a note, not a fault: the environment is
//     not ours alone. A file that cannot be read is the one fault of it: nothing is
//     called missing that it may hold ([Settings.Unread]).
package settings
