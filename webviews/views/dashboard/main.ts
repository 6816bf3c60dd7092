// Entry of the dashboard page: opens the channel and hands the page to the dashboard.

import "../../theme.css";
import "../../chart/chart.css";
import "./header.css";
import "./toolbar.css";
import "./dashboard.css";
import { openChannel } from "../../channel.js";
import type { FromDashboard, ToDashboard } from "../../protocol.js";
import { Dashboard } from "./dashboard.js";

new Dashboard(openChannel<ToDashboard, FromDashboard>(), document.body);
