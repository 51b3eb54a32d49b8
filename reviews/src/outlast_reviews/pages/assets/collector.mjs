// Reads the reviews that a visitor's own browser shows on a shop's page, keeps them while the visitor turns pages, and
// hands them to a site of Outlast. It requests nothing and opens no page by itself.
//
// One function without outside references: the bookmarklet is its text, and the extension injects it. Pages may have a
// strict content security policy, so it adds no markup, script or style sheet as text, only elements and properties.

/**
 * Collects in this document. `site` is the address of the site's page that takes the reviews; `framed`: links to other
 * pages of reviews open in a frame over this one, as a bookmarklet ends with its page; `continued`: the visitor has not
 * asked for it on this page, but on one before; `words`: the sentences in the visitor's language, by the English ones.
 */
export function collect(site, framed, continued, words) {
  const MOST = 5000; // reviews
  const MOST_LENGTH = 4_000_000; // characters of the session storage, which is the shop's own
  const MOST_TEXT = 20_000; // characters of one review
  const PREFIX = "outlast-collected:";
  const CLOSED = "outlast-closed"; // set while the visitor wants no collection

  const running = document.querySelector("outlast-collector");
  if (continued && stored((kept) => kept.getItem(CLOSED))) return;
  stored((kept) => kept.removeItem(CLOSED));
  if (running) return void running.dispatchEvent(new Event("outlast-look"));

  /** A sentence in the visitor's language. */
  function said(sentence, values) {
    return (words?.[sentence] ?? sentence).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  /** Uses the session storage; null if the browser keeps nothing for this shop. */
  function stored(use) {
    try {
      return use(sessionStorage) ?? null;
    } catch {
      return null;
    }
  }

  // ---------------------------------------------------------------------------------------------------- reading

  function lines(node) {
    for (const lineBreak of node.querySelectorAll("br")) lineBreak.replaceWith("\n");
    for (const block of node.querySelectorAll("p, li")) block.append("\n");
    return node.textContent.trim().split("\n").map((line) => line.trim()).join("\n").slice(0, MOST_TEXT);
  }

  /** A copy that loads and runs nothing. */
  function copyOf(node) {
    return document.implementation.createHTMLDocument("").importNode(node, true);
  }

  function take(card, selector) {
    const node = card.querySelector(selector);
    if (!node) return null;
    for (const more of node.querySelectorAll("[data-hook=expand-collapse-read-more-less], .a-expander-header")) more.remove();
    const text = lines(node);
    node.remove();
    return text;
  }

  function textOf(within, selector) {
    return within.querySelector(selector)?.textContent.replace(/\s+/g, " ").trim() || null;
  }

  /** All texts within a node, apart from each other. */
  function spaced(node) {
    const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) found.push(texts.currentNode.data);
    return found.join(" ");
  }

  /** The last whole number in a text, in the digits and with the separators of any language. */
  function lastNumber(text) {
    const found = (text ?? "").match(/[\d٠-٩۰-۹][\d٠-٩۰-۹.,'’\s]*/g);
    const digits = found?.at(-1).replace(/[^\d٠-٩۰-۹]/g, "").replace(/\D/g, (digit) => digit.charCodeAt(0) & 15);
    return digits ? Number(digits) : null;
  }

  const SITES = { com: "us", "co.uk": "uk", "com.mx": "mx", "com.br": "br", "com.be": "be", "com.tr": "tr", "co.jp": "jp", "com.au": "au", "co.za": "za" };

  function amazon(page) {
    const cards = [...page.querySelectorAll("[data-hook=review]")];
    if (!cards.length) return null;
    const { hostname, pathname } = location;
    const address = `${pathname} ${page.location?.pathname ?? ""} ${page.querySelector("[data-hook=product-link]")?.getAttribute("href") ?? ""}`;
    const ending = hostname.match(/(?:^|\.)amazon\.([a-z.]{2,6})$/)?.[1];
    return {
      asin: address.match(/\/(?:dp|product-reviews|gp\/product)\/([A-Z0-9]{10})(?=[/?\s]|$)/)?.[1],
      country: ending && (SITES[ending] ?? ending),
      title: textOf(page, "[data-hook=product-link]") ?? textOf(page, "#productTitle"),
      average: textOf(page, "[data-hook=rating-out-of-text]") ?? textOf(page, "[data-hook=average-star-rating]"),
      total: lastNumber(textOf(page, "[data-hook=cr-filter-info-review-rating-count]")),
      reviews: cards.map(amazonReview),
    };
  }

  function amazonReview(original) {
    const enclosing = original.closest("[data-reviewid]")?.dataset.reviewid;
    const card = copyOf(original);
    const noise = "script, style, noscript, .video-block, .cr-video-desktop, [data-hook=cr-video], [data-hook=format-strip], .a-teaser-describedby-collapsed";
    for (const part of card.querySelectorAll(noise)) part.remove();
    if (card.querySelector(".cr-original-review-content")) {
      for (const translated of card.querySelectorAll(".cr-translated-review-content")) translated.remove();
    }
    const profile = card.querySelector("a.a-profile")?.getAttribute("href") ?? "";
    const review = {
      review_id: card.id.match(/R[A-Z0-9]{6,20}/)?.[0] ?? enclosing ?? null,
      rating: take(card, "[data-hook=review-star-rating], [data-hook=cmps-review-star-rating]"),
      user_id: profile.match(/\/profile\/(amzn1\.account\.\w{1,60})/)?.[1] ?? null,
      author: take(card, ".a-profile-name, [data-hook=review-author]"),
      title: take(card, "[data-hook=review-title], [data-hook=reviewTitle]"),
      content:
        take(card, "[data-hook=reviewRichContentContainer]") ??
        take(card, "[data-hook=reviewText]") ??
        take(card, "[data-hook=review-body], [data-hook=review-collapsed], .review-text"),
      date: take(card, "[data-hook=review-date]"),
      verified_purchase: Boolean(card.querySelector("[data-hook=avp-badge], [data-hook=avp-badge-linkless]")),
    };
    return { ...review, vine_customer: /(?<![A-Za-z])Vine(?![A-Za-z])/.test(spaced(card)) }; // what remains are badges
  }

  /** Of a part: its text, or with "@" the attribute. */
  function part(card, where) {
    const [selector, attribute] = where.split("@");
    const node = selector ? card.querySelector(selector) : card;
    if (!node) return null;
    return attribute ? node.getAttribute(attribute) : lines(copyOf(node));
  }

  const WIDGETS = [
    {
      card: ".jdgm-rev", review_id: "@data-review-id", rating: ".jdgm-rev__rating@data-score", title: ".jdgm-rev__title",
      content: ".jdgm-rev__body", author: ".jdgm-rev__author", date: ".jdgm-rev__timestamp@data-content",
      verified: "[data-verified-buyer=true], .jdgm-rev__buyer-badge", total: ".jdgm-widget@data-number-of-reviews",
    },
    {
      card: ".yotpo-review[data-review-id]", review_id: "@data-review-id", rating: ".yotpo-review-stars .sr-only",
      title: ".content-title", content: ".content-review", author: ".yotpo-user-name", date: ".yotpo-review-date",
      verified: ".yotpo-user-title", total: ".yotpo-bottomline .text-m",
    },
    {
      card: ".stamped-review", review_id: "@data-review-id", rating: ".stamped-starratings@data-rating",
      title: ".stamped-review-header-title", content: ".stamped-review-content-body", author: ".author", date: ".created",
      verified: ".stamped-verified-badge", total: ".stamped-summary-text@data-count",
    },
    {
      card: "[itemtype$='schema.org/Review']", rating: "[itemprop=ratingValue]@content", stars: "[itemprop=ratingValue]",
      title: "[itemprop=name]:not([itemprop=author] *)", content: "[itemprop=reviewBody]",
      author: "[itemprop=author]", date: "[itemprop=datePublished]@content", day: "[itemprop=datePublished]",
      total: "[itemprop=reviewCount]",
    },
  ]; // the selectors of each widget that shops embed, and of microdata

  function widget(page) {
    for (const known of WIDGETS) {
      const cards = [...page.querySelectorAll(known.card)];
      const read = (card, name) => (known[name] ? part(card, known[name]) : null);
      const reviews = cards.map((card) => ({
        review_id: read(card, "review_id"),
        rating: read(card, "rating") ?? read(card, "stars"),
        title: read(card, "title"),
        content: read(card, "content"),
        author: read(card, "author"),
        date: read(card, "date") ?? read(card, "day"),
        ...(known.verified && { verified_purchase: Boolean(card.querySelector(known.verified) ?? card.matches(known.verified)) }),
      }));
      if (reviews.some(isReview)) return { title: productName(page), total: lastNumber(part(page, known.total)), reviews };
    }
    return null;
  }

  function productName(page) {
    return jsonLd(page)?.title ?? textOf(page, "[itemtype$='schema.org/Product'] [itemprop=name]") ?? textOf(page, "h1");
  }

  /** The product with the most reviews in the page's JSON-LD. */
  function jsonLd(page) {
    const nodes = [];
    const walk = (value, depth) => {
      if (depth > 20 || nodes.length > 20_000 || value === null || typeof value !== "object") return;
      if (!Array.isArray(value)) nodes.push(value);
      for (const inner of Object.values(value)) walk(inner, depth + 1);
    };
    for (const script of page.querySelectorAll("script[type='application/ld+json']")) {
      try {
        walk(JSON.parse(script.textContent), 0);
      } catch {
        continue; // not JSON
      }
    }
    const listed = (node) => [node.review, node.reviews].flat().filter((review) => review?.reviewRating);
    const products = nodes.filter((node) => listed(node).length || node.aggregateRating);
    const product = products.sort((one, other) => listed(other).length - listed(one).length)[0];
    if (!product) return null;
    const text = (value) => (typeof value === "string" || typeof value === "number" ? String(value).slice(0, MOST_TEXT) : null);
    return {
      title: text(product.name),
      average: text(product.aggregateRating?.ratingValue),
      total: lastNumber(text(product.aggregateRating?.reviewCount)),
      reviews: listed(product).map((review) => ({
        review_id: text(review["@id"]),
        rating: text(review.reviewRating.ratingValue),
        max_rating: text(review.reviewRating.bestRating),
        title: text(review.name ?? review.headline),
        content: text(review.reviewBody ?? review.description),
        author: text(review.author?.name ?? review.author?.[0]?.name ?? review.author),
        date: text(review.datePublished ?? review.dateCreated),
      })),
    };
  }

  function isReview(review) {
    return Boolean(review.rating && (review.content || review.title || review.review_id));
  }

  /** What a page shows; null if it shows no reviews. */
  function read(page) {
    const found = amazon(page) ?? widget(page) ?? jsonLd(page);
    const reviews = (found?.reviews ?? []).filter(isReview);
    return reviews.length ? { ...found, reviews } : null;
  }

  // ---------------------------------------------------------------------------------------------------- keeping

  let product = null; // what is known of the product, and its reviews by their key
  let frame = null;
  let latest = location.href; // where the visitor wanted to go
  let full = false;
  let denied = false; // whether the browser stores nothing for this shop, so that this page alone has the reviews

  function keyOf(review) {
    return review.review_id ?? JSON.stringify([review.author, review.date, review.title, review.content]);
  }

  function load(key) {
    const found = stored((kept) => JSON.parse(kept.getItem(PREFIX + key)));
    return typeof found?.reviews === "object" ? found : { key, reviews: {} };
  }

  function save() {
    const text = JSON.stringify(product);
    full ||= text.length > MOST_LENGTH || Object.keys(product.reviews).length >= MOST;
    if (full) return;
    try {
      sessionStorage.setItem(PREFIX + product.key, text);
      denied = false;
    } catch (error) {
      full = /quota/i.test(error.name);
      denied = !full;
    }
  }

  function look() {
    const page = shown();
    const found = page && read(page);
    if (found) {
      const key = found.asin ?? found.title ?? location.pathname;
      if (product?.key !== key) {
        product = load(key);
        full = false;
      }
      const { reviews, ...facts } = found;
      for (const [name, value] of Object.entries(facts)) if (value) product[name] = value;
      product.address ??= `${location.origin}${location.pathname}`;
      const before = Object.keys(product.reviews).length;
      for (const review of reviews) {
        if (Object.keys(product.reviews).length < MOST) product.reviews[keyOf(review)] ??= review;
      }
      if (Object.keys(product.reviews).length > before) save();
    }
    show(found);
  }

  /** The document that the visitor looks at. */
  function shown() {
    try {
      return frame ? frame.contentDocument : document;
    } catch {
      return null;
    }
  }

  /** Opens the visitor's next page of reviews in a frame, so that the collection goes on. */
  function turnPage(event) {
    const link = event.target.closest?.("a[href]");
    if (!framed || !link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const to = new URL(link.href, location.href);
    if (to.origin !== location.origin || to.hash || (link.target && link.target !== "_self")) return;
    if (frame) return void (latest = to.href); // the frame follows its own links
    if (!/review/i.test(to.pathname) && to.pathname !== location.pathname && link.rel !== "next") return;
    latest = to.href;
    event.preventDefault();
    frame = document.createElement("iframe");
    frame.title = said("The shop's page");
    frame.id = "outlast-page";
    Object.assign(frame.style, { position: "fixed", inset: "0", width: "100%", height: "100%", border: "0", zIndex: "2147483646", background: "Canvas" });
    frame.addEventListener("load", () => {
      const page = shown();
      if (!page || page.URL === "about:blank") return location.assign(latest); // the shop does not let itself be framed
      page.defaultView.addEventListener("click", turnPage);
      look();
    });
    frame.src = latest;
    document.documentElement.style.overflow = "hidden";
    document.documentElement.insertBefore(frame, panel);
  }

  // ------------------------------------------------------------------------------------------------ handing over

  function collected() {
    const { asin, country, title, average, total, address, reviews } = product;
    return JSON.stringify({
      asin: asin ?? undefined,
      country: country ?? undefined,
      product_url: address,
      product_info: { title, rating: average },
      review_count: total ?? undefined,
      reviews: Object.values(reviews),
    });
  }

  let tab = null;

  function handOver() {
    tab = open(site, "outlast-collected");
    if (!tab) return say(said("Your browser blocked the new tab. Allow it, or save the reviews as a file."));
    say(said("Handing over to the other tab…"));
    const started = tab;
    setTimeout(() => {
      if (tab === started) say(said("The other tab did not take the reviews. Save them as a file, and upload that there."));
    }, 15_000);
  }

  function answer(event) {
    if (!tab || event.source !== tab || event.origin !== new URL(site).origin) return;
    if (event.data === "outlast-ready") tab.postMessage({ outlastReviews: collected() }, event.origin);
    if (event.data !== "outlast-taken") return;
    tab = null;
    say(said("Handed over. Go on in the other tab."));
  }

  function saveFile() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([collected()], { type: "application/json" }));
    link.download = `reviews-${location.hostname}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  function forget() {
    stored((kept) => kept.removeItem(PREFIX + product.key));
    product = null;
    stop();
  }

  function stop() {
    clearInterval(timer);
    removeEventListener("click", turnPage);
    removeEventListener("message", answer);
    panel.remove();
    stored((kept) => kept.setItem(CLOSED, "yes"));
    if (frame) location.assign(shown()?.URL ?? latest);
  }

  // ------------------------------------------------------------------------------------------------------ showing

  function made(name, styles, text = "") {
    const node = document.createElement(name);
    Object.assign(node.style, styles);
    node.textContent = text;
    return node;
  }

  const INK = "light-dark(#17211f, #e7ecea)";
  const ACCENT = "light-dark(#0b6b5d, #57c9b3)";
  const BUTTON = { minHeight: "44px", padding: "8px 16px", border: `1px solid ${ACCENT}`, borderRadius: "8px", font: "inherit", cursor: "pointer" };
  const panel = document.createElement("outlast-collector");
  Object.assign(panel.style, { all: "initial", position: "fixed", right: "12px", bottom: "12px", zIndex: "2147483647", colorScheme: "light dark" });
  const box = made("section", {
    width: "min(320px, calc(100vw - 24px))", boxSizing: "border-box", padding: "16px", border: "1px solid light-dark(#77827e, #8b9893)", borderRadius: "12px",
    background: "light-dark(#fff, #181e1c)", color: INK, font: "16px/1.45 system-ui, sans-serif", boxShadow: "0 4px 24px rgb(0 0 0 / 25%)",
  });
  box.setAttribute("aria-label", said("Collected reviews"));
  const status = made("p", { margin: "0 0 12px", fontWeight: "600" });
  status.setAttribute("role", "status");
  const give = made("button", { ...BUTTON, width: "100%", fontWeight: "600", background: ACCENT, color: "light-dark(#fff, #06231d)" });
  const others = made("p", { display: "flex", flexWrap: "wrap", gap: "8px", margin: "8px 0 0" });
  const quiet = { ...BUTTON, padding: "8px 12px", border: "1px solid light-dark(#77827e, #8b9893)", background: "transparent", color: INK, fontSize: "14px" };
  const file = made("button", quiet, said("Save as a file"));
  const discard = made("button", quiet, said("Discard"));
  const close = made("button", quiet, said("Close"));
  give.addEventListener("click", handOver);
  file.addEventListener("click", saveFile);
  discard.addEventListener("click", forget);
  close.addEventListener("click", stop);
  others.append(file, discard, close);
  box.append(status, give, others);
  panel.attachShadow({ mode: "open" }).append(box);

  function say(sentence) {
    if (status.textContent !== sentence) status.textContent = sentence;
  }

  function show(found) {
    const count = product ? Object.keys(product.reviews).length : 0;
    const none = count === 0;
    for (const button of [give, file, discard]) button.style.display = none ? "none" : "";
    give.textContent = count === 1 ? said("Hand over {count} review", { count }) : said("Hand over {count} reviews", { count });
    if (none) return say(said("There are no reviews on this page. Open the page with the product's reviews."));
    const sentence = progress(count, product.total, found);
    if (sentence !== counted) say(sentence);
    counted = sentence;
  }

  function progress(count, total, found) {
    const values = { count, total };
    const more = total > count;
    if (full || count >= MOST) {
      return more
        ? said("{count} of {total} collected. There is no room for more: hand them over now.", values)
        : said("{count} collected. There is no room for more: hand them over now.", values);
    }
    if (denied) {
      return more
        ? said("{count} of {total} collected. Your browser stores nothing for this shop: hand them over before you leave this page.", values)
        : said("{count} collected. Your browser stores nothing for this shop: hand them over before you leave this page.", values);
    }
    if (!found) {
      return more
        ? said("{count} of {total} collected. This page shows no reviews.", values)
        : said("{count} collected. This page shows no reviews.", values);
    }
    if (more) return said("{count} of {total} collected: open the next page.", values);
    return total ? said("All {count} collected.", values) : said("{count} collected: open the next page.", values);
  }

  let counted = "";
  panel.addEventListener("outlast-look", look);
  addEventListener("click", turnPage); // after the shop's own listeners, which may turn the page in place
  addEventListener("message", answer);
  document.documentElement.append(panel);
  const timer = setInterval(look, 700); // pages that load more reviews in place change without an event
  look();
}
