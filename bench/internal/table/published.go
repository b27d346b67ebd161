package table

// Published is the title of a column of figures that do not change: the best
// median of all settings of JGroups 5.6.0, measured on another day on two cores,
// with the harness that ours is made after. Debian has no package of that line.
const Published = "JGroups 5.6 (published with the harness, another run)"

var published = map[Key]float64{
	flood("fifo", "flood_100B_1send_msgs_s"):    789e3,
	flood("fifo", "flood_100B_4send_msgs_s"):    964e3,
	flood("fifo", "flood_1024B_1send_msgs_s"):   368e3,
	flood("fifo", "flood_1024B_4send_msgs_s"):   443e3,
	flood("fifo", "flood_8192B_1send_msgs_s"):   73.2e3,
	flood("fifo", "flood_8192B_4send_msgs_s"):   66.9e3,
	flood("agreed", "flood_100B_1send_msgs_s"):  113e3,
	flood("agreed", "flood_100B_4send_msgs_s"):  176e3,
	flood("agreed", "flood_1024B_1send_msgs_s"): 142e3,
	flood("agreed", "flood_1024B_4send_msgs_s"): 139e3,
	flood("agreed", "flood_8192B_1send_msgs_s"): 28.5e3,
	flood("agreed", "flood_8192B_4send_msgs_s"): 38.9e3,

	flood("fifo", "rate_100B_1send_1000/s_lat_p50_us"):   110,
	flood("fifo", "rate_100B_1send_1000/s_lat_p99_us"):   354,
	flood("fifo", "rate_100B_1send_1000/s_own_p50_us"):   98.5,
	flood("agreed", "rate_100B_1send_1000/s_lat_p50_us"): 172,
	flood("agreed", "rate_100B_1send_1000/s_lat_p99_us"): 1908,
	flood("agreed", "rate_100B_1send_1000/s_own_p50_us"): 180,

	{Place: Library, Metric: "form_all_ms", N: 4}:        1135,
	{Place: Library, Metric: "form_seeded_all_ms", N: 4}: 48.4,
	{Place: Library, Metric: "leave_all_ms", N: 4}:       6.01,
	{Metric: "kill1_all_s", N: 4}:                        1.69,
}

func flood(order, metric string) Key { return Key{Place: Library, Order: order, Metric: metric, N: 4} }
