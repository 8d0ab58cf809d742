// Named places where a test can make the program fail, die or hang. Nothing unless compiled with
// MIRACLEMAX_FAULT_POINTS. By the environment, which is read when the first point is reached:
//   MIRACLEMAX_FAULT="3:kill"           the third point this process reaches, counted from 1
//   MIRACLEMAX_FAULT="file.fsync:error" each time that point is reached
//     error: throws Error (failed, "fault point <name>"); kill: SIGKILL to itself; hang: sleeps for ever
//   MIRACLEMAX_FAULT_LOG=path           appends the name of every point reached, a line each
// A point may be reached from any thread. Names are "<room or object>.<act>".
#pragma once

#ifdef MIRACLEMAX_FAULT_POINTS

namespace miraclemax::stream {

void fault_point(const char* name);
// Reads the environment anew and counts from 1 again: for tests, in a child they forked.
void reload_fault_plan();

} // namespace miraclemax::stream

#define MIRACLEMAX_FAULT_POINT(name) ::miraclemax::stream::fault_point(name)
#else
#define MIRACLEMAX_FAULT_POINT(name) static_cast<void>(0)
#endif
