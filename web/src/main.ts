// Starts the pages: styles, the wires between parts that do not know each other, then the first component.
import './styles/tokens.css';
import './styles/page.css';
import { mount } from 'svelte';
import { getHealth } from './api/endpoints';
import { listen } from './api/http';
import App from './App.svelte';
import { clock } from './live/clock.svelte';
import { mayBeginAnew } from './shell/anew';
import { session } from './session.svelte';
import { settings } from './settings.svelte';

// Another version of the daemon has other files: the page that asks for an old one begins anew. Where no daemon answers it
// stays, since a browser that finds nobody there would put its own page of an error in its place.
addEventListener('vite:preloadError', () => void getHealth().then(() => mayBeginAnew() && location.reload(), () => {}));

listen({ date: (date) => clock.learn(date), unauthorised: () => session.lost() });
settings.apply();
settings.follow();
clock.start();
void session.begin();
// Not over plain HTTP to another box: browsers allow no worker there, and nothing is lost but the installed page.
if (import.meta.env.PROD) void navigator.serviceWorker?.register('/worker.js').catch(() => {});
mount(App, { target: document.body });
