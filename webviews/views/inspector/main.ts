// Entry of the inspector page: opens the channel and hands the page to the inspector.

import "../../theme.css";
import "../../chart/chart.css";
import "./inspector.css";
import "./dims.css";
import "./cells.css";
import "./views.css";
import { openChannel } from "../../channel.js";
import type { FromInspector, ToInspector } from "../../protocol.js";
import { Inspector } from "./inspector.js";

new Inspector(openChannel<ToInspector, FromInspector>(), document.body);
