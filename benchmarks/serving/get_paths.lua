-- GETs of the paths in a file, in turn; prints counts as JSON: wrk -s get_paths.lua URL -- FILE
-- Each line is a path, and names and values of headers, with tabs between them.
local requests, at = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local words = {}
    for word in line:gmatch("[^\t]+") do
      words[#words + 1] = word
    end
    local headers = {}
    for number = 2, #words, 2 do
      headers[words[number]] = words[number + 1]
    end
    requests[#requests + 1] = wrk.format("GET", words[1], headers)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "bytes": %d, "errors": %d}\n',
    summary.requests, summary.duration, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
