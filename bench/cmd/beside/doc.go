// Command beside measures gmsd and its peers one after another on this machine
// and lays them side by side:
//
//	go run ./cmd/beside [-runs 5] [-only REGEXP] [-window 3s] [-list]
//	go run ./cmd/beside -table out/*.jsonl
//
// Contract:
//
//  1. Never do two stages run at once.
//  2. Each stage is bounded in time. One that fails or breaks off is told, the
//     others go on, and the program ends with code 1. A stage for which a program
//     is missing says which; tools/deps-bench.sh installs them.
//  3. Records are appended to a file a stage in the folder of -out, as they are
//     measured; the table at the end has those of this run alone.
//  4. An interrupt ends the stage that runs, removes what it made and prints the
//     table of what there is; a second one ends the program at once, and the
//     kernel ends processes and namespaces with it.
//
// RUNS and ONLY in the environment are the defaults of -runs and -only. It runs
// in the folder of its module, and needs root for the stages that make
// namespaces. A bar that is missed fails nothing.
package main
