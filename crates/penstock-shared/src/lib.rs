//! The table of counters, gauges and limits that all processes of one gateway share.
