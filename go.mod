module github.com/gmsd/gmsd

go 1.26
