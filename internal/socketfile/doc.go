// Package socketfile listens on a unix socket in the file system, as the admin interface
// and the protocol of programs do, and says beforehand why that cannot be.
//
// Contract:
//
//  1. A socket on which nobody listens is what a killed daemon leaves: [Listen] replaces
//     it. Anything else at its path is in our way and stays.
//  2. The file never exists with a wider mode than it is given, not even for a moment.
//  3. [Check] says what Listen would, but that the directory cannot be written, and
//     changes nothing.
//
// It neither bounds connections nor asks who connects; whoever listens does.
package socketfile
