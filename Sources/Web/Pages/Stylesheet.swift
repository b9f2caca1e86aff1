/// The one style sheet. Colours are picked for a contrast of at least 4.5 to 1 in both schemes.
enum Stylesheet {
    static let text = """
        :root {
          color-scheme: light dark;
          --back: #f6f7f9; --card: #fff; --ink: #1b2130; --quiet: #566074; --line: #d9dee7; --link: #1f4fc4;
          --bad: #b3261e; --bad-back: #fce8e6; --warn: #855300; --warn-back: #fff1d6;
          --odd: #5b3f9e; --odd-back: #eee8fb; --good: #1a6b3c; --good-back: #e2f4e8; --bar: #4f7fdc;
          --p1: #8a63d2; --p2: #2f86c9; --p3: #12897b; --p4: #c77700; --p5: #c2416b;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --back: #12151c; --card: #1b202a; --ink: #e6e9ef; --quiet: #a3adbf; --line: #333b4a; --link: #8fb3ff;
            --bad: #ff9d94; --bad-back: #43201e; --warn: #f5c26b; --warn-back: #3b2d12;
            --odd: #c8b4ff; --odd-back: #2f2647; --good: #7fd8a0; --good-back: #18352a; --bar: #6f9bf0;
            --p1: #a78be6; --p2: #5aa9e6; --p3: #35b3a2; --p4: #e39b2d; --p5: #e26a92;
          }
        }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; }
        body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        main { max-width: 84rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
        a { color: var(--link); }
        a:focus-visible, input:focus-visible, select:focus-visible, button:focus-visible {
          outline: 3px solid var(--link); outline-offset: 2px;
        }
        h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; overflow-wrap: anywhere; }
        h2 { font-size: 1.1rem; margin: 0 0 .75rem; }
        p { margin: 0 0 .5rem; }
        code, .mono { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .875em; overflow-wrap: anywhere; }
        .quiet { color: var(--quiet); }
        .skip { position: absolute; left: -99rem; }
        .skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .5rem; z-index: 1; }
        .top { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; padding: .75rem 1rem;
          background: var(--card); border-bottom: 1px solid var(--line); }
        .brand { font-weight: 700; color: var(--ink); text-decoration: none; }
        .top nav a { margin-right: 1rem; }
        .note { color: var(--quiet); margin: .6rem 0 0; }
        .foot { max-width: 84rem; margin: 0 auto; padding: 0 1rem 2rem; color: var(--quiet); font-size: .875rem; }
        .tiles { display: flex; flex-wrap: wrap; gap: .5rem; list-style: none; margin: 0 0 1rem; padding: 0; }
        .tiles a { display: block; padding: .4rem .8rem; border: 1px solid var(--line); border-radius: .5rem;
          background: var(--card); color: var(--ink); text-decoration: none; }
        .tiles a[aria-current] { border-color: var(--link); box-shadow: inset 0 0 0 1px var(--link); }
        .tiles b { font-size: 1.15rem; margin-right: .25rem; }
        form { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: end; margin: 0 0 1rem; }
        label { display: flex; flex-direction: column; font-size: .875rem; color: var(--quiet); }
        input, select, button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line);
          border-radius: .375rem; padding: .35rem .6rem; min-height: 2.5rem; }
        select { max-width: 16rem; }
        button { background: var(--link); border-color: var(--link); color: var(--card); font-weight: 600; cursor: pointer; }
        .badges { display: inline-flex; flex-wrap: wrap; gap: .25rem; vertical-align: middle; }
        .badge { display: inline-block; white-space: nowrap; border-radius: 1rem; padding: .05rem .6rem; font-size: .875rem;
          font-weight: 600; border: 1px solid currentColor; }
        .missing, .failing { color: var(--bad); background: var(--bad-back); }
        .drifted { color: var(--warn); background: var(--warn-back); }
        .unknown { color: var(--odd); background: var(--odd-back); }
        .in_sync { color: var(--good); background: var(--good-back); }
        .disabled { color: var(--quiet); background: var(--back); }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 0 0 1rem; }
        .columns { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
        .columns .card { margin: 0; }
        .columns { margin-bottom: 1rem; }
        table { border-collapse: collapse; width: 100%; background: var(--card); }
        .list .spark { min-width: 7.5rem; }
        .list tbody th { min-width: 16rem; }
        .list { border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; }
        th, td { text-align: left; vertical-align: top; padding: .55rem .75rem; border-top: 1px solid var(--line);
          overflow-wrap: anywhere; }
        thead th { border-top: 0; font-size: .8125rem; color: var(--quiet); font-weight: 600; white-space: nowrap; }
        tbody th { font-weight: 600; }
        .sub { display: block; font-size: .875rem; color: var(--quiet); font-weight: 400; }
        .advice { display: block; font-size: .875rem; }
        .advice::before { content: "→ "; }
        .differs { background: var(--warn-back); }
        .bad { color: var(--bad); }
        .warn { color: var(--warn); }
        .nowrap { white-space: nowrap; }
        .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .spark { display: block; max-width: 100%; border-bottom: 1px solid var(--line); }
        .wide .spark { width: 100%; height: auto; }
        .spark path { fill: none; }
        .bar-good { stroke: var(--bar); }
        .bar-bad { stroke: var(--bad); }
        .phases { display: block; width: 100%; height: 1.5rem; border-radius: .25rem; }
        .phase-resolve { fill: var(--p1); } .phase-connect { fill: var(--p2); } .phase-tls { fill: var(--p3); }
        .phase-processing { fill: var(--p4); } .phase-transfer { fill: var(--p5); }
        .legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; padding: 0; margin: .5rem 0 0; }
        .swatch { width: .75rem; height: .75rem; margin-right: .4rem; border-radius: .15rem; }
        dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1rem; margin: 0; }
        dt { color: var(--quiet); }
        dd { margin: 0; overflow-wrap: anywhere; }
        .log { list-style: none; margin: 0; padding: 0; }
        .log li { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .35rem 0; border-top: 1px solid var(--line); }
        .log li:first-child { border-top: 0; }
        .log time { min-width: 7rem; color: var(--quiet); }
        .log span { flex: 1 1 16rem; overflow-wrap: anywhere; }
        .pages { display: flex; gap: 1rem; align-items: center; margin: 1rem 0; }
        .scroll { overflow-x: auto; }
        @media (max-width: 62rem) {
          .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
          .stack, .stack tbody, .stack th, .stack td { display: block; }
          .stack tr { display: grid; grid-template-columns: 1fr 1fr; gap: .15rem 1rem; padding: .75rem;
            border-top: 1px solid var(--line); }
          .stack th, .stack td { grid-column: 1 / -1; min-width: 0; }
          .stack .half { grid-column: auto; }
          .card .stack tr { padding: .6rem 0; }
          .card .stack .differs { padding: .6rem .75rem; }
          .stack tbody tr:first-child { border-top: 0; }
          .stack th, .stack td { border: 0; padding: .15rem 0; }
          .list tbody th { min-width: 0; }
          .stack th { font-size: 1.05rem; }
          .stack td[data-label]::before { content: attr(data-label); display: block; font-size: .8125rem;
            font-family: system-ui, sans-serif; color: var(--quiet); font-weight: 600; }
          .stack .number { text-align: left; }
        }
        @media (min-width: 40rem) and (max-width: 62rem) {
          .stack td[data-label] { grid-column: auto; }
        }
        @media (max-width: 40rem) {
          main { padding: 1rem .75rem 2rem; }
          .top, .foot { padding-left: .75rem; padding-right: .75rem; }
          dl { grid-template-columns: minmax(6rem, 38%) 1fr; }
          select { max-width: none; }
          label { flex: 1 1 9rem; }
          label input, label select { width: 100%; }
          button { flex: 1 1 100%; }
        }
        @media (prefers-contrast: more) { :root { --quiet: var(--ink); --line: var(--ink); } }
        @media (forced-colors: active) {
          .phases rect, .swatch rect { fill: CanvasText; stroke: Canvas; }
          .bar-good { stroke: CanvasText; } .bar-bad { stroke: LinkText; }
        }

        """
}
